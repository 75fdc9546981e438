"""The code that each stage executes as DVC records it, held against the code that a step runs with.

DVC pairs what a stage writes with the files below ``data/code`` and ``data/inputs`` that were there
before. Were it written by other code or packages than these name, it would be taken for theirs ever
after.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from headwater.artifacts.code import code_of
from headwater.artifacts.modules import Name, read_module
from headwater.errors import HeadwaterError
from headwater.pipeline.plan import MACHINERY

FOLDER = Path("data/code")
# The step that writes the folder: no stage depends on its own code.
WRITER = "code"
# Code that computes the buckets of a STEP and makes its tables of them.
_PIPELINE: Final = MACHINERY | {
    Name("headwater.pipeline.run", "assemble"),
    Name("headwater.pipeline.run", "compute_bucket"),
}
# DVC's own name for the stage whose command it runs; without it nothing is recorded.
STAGE = "DVC_STAGE"


def step_roots(folder: Path) -> Iterator[tuple[str, Name]]:
    """Every step module of a folder, and the definition that it runs: its STEP or its ``main``."""
    for path in sorted(folder.glob("*.py")):
        root = _root(path.stem)
        if root is not None and path.stem != WRITER:
            yield path.stem, root


def code_text(root: Name) -> str:
    """JSON of the code that a step executes, with the versions of the packages that it uses."""
    roots = {root} if root.name == "main" else {root, *_PIPELINE}
    return json.dumps(code_of(frozenset(roots)).as_json(), indent=1, sort_keys=True) + "\n"


def refuse_other_code(step: str, project: Path, stage: str | None = None) -> None:
    """Raise HeadwaterError when DVC runs a step whose code or packages are not those recorded.

    stage: that DVC records, by default the one for which it runs this process.
    """
    stage = stage or os.environ.get(STAGE)
    path = project / FOLDER / f"{step}.json"
    if stage and path.is_file() and (root := _root(step)) is not None:
        refuse_unrecorded(path, code_text(root), stage)


def refuse_unrecorded(path: Path, text: str, stage: str | None = None) -> None:
    """Raise HeadwaterError when DVC records a stage and a file that it reads is not ``text``."""
    stage = stage or os.environ.get(STAGE)
    if stage and (not path.is_file() or path.read_bytes() != text.encode()):
        raise HeadwaterError(
            f"{path}: is not of the code, packages and settings that are here now; "
            f"run `make repro`, or `dvc repro {stage}` without --single-item"
        )


def _root(step: str) -> Name | None:
    module = read_module(f"tasks.{step}")
    names = module.bindings if module is not None else {}
    chosen = next((name for name in ("STEP", "main") if name in names), None)
    return Name(f"tasks.{step}", chosen) if chosen else None
