"""Step "code": the code that each stage executes, as one hash a stage, with package versions.

Stages depend on their own file here instead of on source files: a comment makes no stage stale, a
function exactly the stages that use it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.code import Name, code_of, read_module
from headwater.artifacts.manifest import write_manifest
from tasks.command import command

OUT = Path("data/code")


def main() -> str:
    """Write one file for every step module."""
    count = 0
    for step, root in step_roots(Path("tasks")):
        text = json.dumps(code_of(frozenset({root})).as_json(), indent=1, sort_keys=True)
        write_text(OUT / f"{step}.json", text + "\n")
        count += 1
    write_manifest(OUT)
    return f"{count} stages"


def step_roots(folder: Path) -> Iterator[tuple[str, Name]]:
    """Every step module of a folder, and the definition that it runs: its STEP or its ``main``."""
    for path in sorted(folder.glob("*.py")):
        module = read_module(f"{folder.name}.{path.stem}")
        names = module.bindings if module is not None else {}
        for name in ("STEP", "main"):
            if name in names:
                yield path.stem, Name(f"{folder.name}.{path.stem}", name)
                break


if __name__ == "__main__":
    command(main)
