"""Step "inputs": ``python -m tasks.inputs <system>``, what its training and its answers depend on.

The stages of a system depend on these files alone: on the settings and the code that they execute
and on the rows that they read, and on nothing beside.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headwater.artifacts.atomic import write_text
from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.systems import evaluation_inputs, reconstruction_inputs, training_inputs
from tasks.command import command, system_name

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
        text = json.dumps(inputs(kind, name, params, project), indent=1, sort_keys=True)
        write_text(OUT / name / f"{kind}.json", text + "\n")
    write_manifest(OUT / name)
    return f"training reads {sha256_hex((OUT / name / 'train.json').read_bytes())[:12]}"


def inputs(kind: str, system: str, params: Params, project: Path) -> dict[str, Any]:
    """Everything that a stage of a system depends on."""
    beside, contents = KINDS[kind]
    rows = json.loads((project / CONTENTS / f"{contents}.json").read_text(encoding="utf-8"))
    return {"system": system, **beside(system, params, project), **rows}


def inputs_key(kind: str, system: str, params: Params, project: Path) -> str:
    """SHA-256 of everything that a stage of a system depends on."""
    return sha256_hex(canonical_json(inputs(kind, system, params, project)).encode())


if __name__ == "__main__":
    command(main)
