"""Step "generator": the generator of expressions, trained where expressions.pixels wants one.

It is trained on the rendered views of the training subjects alone, on no photo.
"""

import shutil
from pathlib import Path
from typing import Final

from headwater.artifacts.atomic import write_bytes, write_text
from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.expressions.prepared import FOLDER, WEIGHTS
from headwater.training.run import loss_table, outcome
from tasks.command import command
from tasks.training_progress import training_progress

OUT: Final = Path("data") / FOLDER
CHECKPOINTS: Final = Path(".headwater/checkpoints/generator")


def main() -> str:
    """Train the generator that ``expressions.pixels`` names."""
    params = load_params(Path("params.yaml"))
    shutil.rmtree(OUT, ignore_errors=True)
    if params.expressions.pixels == "warp":
        said = "nothing: expressions are made by a warp"
        OUT.mkdir(parents=True)
    else:
        said = _train(params)
    write_manifest(OUT)
    return said


def _train(params: Params) -> str:
    from headwater.expressions.generator import KINDS
    from headwater.expressions.generator_training import (
        EXAMPLE_PX,
        EXAMPLE_TO_FACE,
        train_generator,
    )
    from headwater.parsing.examples import pictures
    from headwater.training.checkpoint import safetensors_bytes

    name = params.expressions.pixels
    assert name != "warp"
    how = KINDS[name].training
    pixels, classes = pictures(Path("data"), EXAMPLE_TO_FACE, EXAMPLE_PX)
    note = "L1 {l1_loss:.3f}".format_map
    with training_progress("generator", how.steps, note) as show:
        generator, curve = train_generator(
            name, pixels, classes, how, seed=params.seed, checkpoints=CHECKPOINTS, progress=show
        )
    write_bytes(OUT / WEIGHTS, safetensors_bytes(generator.network.state_dict(), {}))
    write_text(OUT / "loss.csv", loss_table(curve))
    shutil.rmtree(CHECKPOINTS, ignore_errors=True)
    return outcome(curve)


if __name__ == "__main__":
    command(main)
