"""Step "head_model": the linear bases of the build's head model, extracted once.

Later steps and GPU workers read the file that this step writes and need no adapter's package.
"""

import json
from functools import cache
from pathlib import Path

from safetensors import SafetensorError

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.heads import load_head_model, source_digest, store
from headwater.heads.landmark_files import with_landmarks
from headwater.heads.model import HeadModel
from tasks.command import command

FILE = Path("data/head_model/bases.safetensors")
SOURCE = "source.json"


@cache
def _read(path: Path) -> HeadModel:
    try:
        return with_landmarks(store.read(path))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise HeadwaterError(
            f"{path}: no readable head model ({error}); run the stage head_model again"
        ) from error


def head_model(params: Params, project: Path) -> HeadModel:
    """The build's head model, read once per process."""
    return _read(project / FILE)


def head_model_fingerprint(params: Params, project: Path) -> dict[str, str]:
    """Fingerprint of the head model, for bucket keys."""
    return {"head_model": head_model(params, project).fingerprint}


def main() -> str:
    """Extract the bases of the head model that ``synthesize.head_model`` names."""
    params = load_params(Path("params.yaml"))
    model = load_head_model(params.synthesize.head_model, Path(".headwater/models"))
    store.write(FILE, model)
    source = {"source_sha256": source_digest(params.synthesize.head_model)}
    write_text(FILE.parent / SOURCE, json.dumps(source) + "\n")
    write_manifest(FILE.parent)
    return (
        f"{model.name}: {len(model.mean)} vertices, {len(model.shape_names)} shapes, "
        f"{len(model.expression_names)} expressions"
    )


if __name__ == "__main__":
    command(main)
