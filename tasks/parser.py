"""Step "parser": the parser of face parts that parts.parser names, trained, or a file checked.

One is trained on the rendered views of the training subjects alone, on no photo.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from headwater.artifacts.atomic import write_bytes, write_text
from headwater.artifacts.ids import sha256_hex
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.modules import refuse_edited
from headwater.config import Params, load_params
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import face_frame
from headwater.parsing.prepared import FOLDER, SOURCE, WEIGHTS
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.training.run import loss_table, outcome
from tasks.command import command
from tasks.training_progress import training_progress

OUT: Final = Path("data") / FOLDER
CHECKPOINTS: Final = Path(".headwater/checkpoints/parser")
# Of the frame on which a user's parser is tried: with ingest.frame_px the stage would depend on it,
# and another size of frames would train a parser anew.
TRIED_PX: Final = 512


def main() -> str:
    """Train the parser, or check the user's own, as ``parts.parser`` says."""
    params = load_params(Path("params.yaml"))
    shutil.rmtree(OUT, ignore_errors=True)
    source: dict[str, Any] = {}
    if params.parts.parser == "landmarks":
        said = "nothing: parts are drawn from landmarks"
    elif params.parts.parser == "trained":
        said = _train(params)
    else:
        source, said = _try(params)
        refuse_edited()
    write_text(OUT / SOURCE, json.dumps(source) + "\n")
    write_manifest(OUT)
    return said


def _train(params: Params) -> str:
    from headwater.parsing.examples import examples
    from headwater.parsing.training import Training, train_parser
    from headwater.training.checkpoint import safetensors_bytes

    how = Training()
    views = examples(Path("data"), mediapipe_faces())
    note = "loss {overlap_loss:.3f}".format_map
    with training_progress("parser", how.steps, note) as show:
        parser, curve = train_parser(
            views, how, seed=params.seed, checkpoints=CHECKPOINTS, progress=show
        )
    write_bytes(OUT / WEIGHTS, safetensors_bytes(parser.network.state_dict(), {}))
    write_text(OUT / "loss.csv", loss_table(curve))
    shutil.rmtree(CHECKPOINTS, ignore_errors=True)
    return outcome(curve)


def _try(params: Params) -> tuple[dict[str, Any], str]:
    """Run a user's parser on a portrait, to tell whether its left is the subject's or the image's.

    Returns the content of ``source.json``, and the result in words.
    """
    from headwater.networks.frozen_net import read_net
    from headwater.parsing.onnx_parser import open_parser, sides_swapped

    path = Path(params.parts.parser).expanduser()
    content = read_net(path)
    parser = open_parser(path, content, params.parts.labels)
    portrait = decode_photo(PORTRAITS[0].data()).rgb
    frame = face_frame(portrait, TRIED_PX, mediapipe_faces()).image
    swapped = sides_swapped(parser, frame)
    whose = "image's" if swapped else "subject's"
    return (
        {"source_sha256": sha256_hex(content), "sides_swapped": swapped},
        f"{path.name}: {len(parser.classes_of)} classes, left is the {whose}",
    )


if __name__ == "__main__":
    command(main)
