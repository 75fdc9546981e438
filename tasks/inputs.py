"""Step "inputs": ``python -m tasks.inputs <system>``, what its training and its answers depend on.

The stages of a system depend on these files alone: on the settings and the code that they execute
and on the rows that they read, and on nothing beside.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headwater.artifacts.atomic import write_text
from headwater.artifacts.ids import sha256_hex
from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.systems import evaluation_inputs, reconstruction_inputs, training_inputs
from tasks.command import command, system_name
from tasks.recorded_code import refuse_unrecorded

CONTENTS = Path("data/contents")
OUT = Path("data/inputs")

# File -> what its stage depends on beside rows, and the file of hashes of these.
KINDS: dict[str, tuple[Callable[[str, Params, Path], dict[str, Any]], str]] = {
    "train": (training_inputs, "training"),
    "evaluate": (evaluation_inputs, "benchmark"),
    "reconstruct": (reconstruction_inputs, "photos"),
}


def main() -> str:
    """Write train.json, evaluate.json and reconstruct.json of the system on the command line."""
    name, project = system_name(), Path.cwd()
    params = load_params(project / "params.yaml")
    for kind in KINDS:
        write_text(OUT / name / f"{kind}.json", inputs_text(kind, name, params, project))
    write_manifest(OUT / name)
    return f"training reads {sha256_hex((OUT / name / 'train.json').read_bytes())[:12]}"


def inputs_text(kind: str, system: str, params: Params, project: Path) -> str:
    """JSON of everything that a stage of a system depends on."""
    beside, contents = KINDS[kind]
    content = {"system": system, **beside(system, params, project)}
    content |= json.loads((project / CONTENTS / f"{contents}.json").read_text(encoding="utf-8"))
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def recorded_inputs(kind: str, system: str, params: Params, project: Path) -> str:
    """SHA-256 of everything that a stage of a system depends on.

    Raises HeadwaterError when DVC runs the stage and has other inputs on record.
    """
    text = inputs_text(kind, system, params, project)
    refuse_unrecorded(project / OUT / system / f"{kind}.json", text)
    return sha256_hex(text.encode())


if __name__ == "__main__":
    command(main)
