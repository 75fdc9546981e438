"""Step "code": the code that each stage executes, as one hash a stage, with package versions.

Stages depend on their own file here instead of on source files: a comment makes no stage stale, a
function exactly the stages that use it. DVC does not see code of systems from outside change that
lies in no folder of ``plugins``: a build holds the file ``OUTSIDE`` against it.
"""

from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.systems.homes import OUTSIDE, outside_text
from tasks.command import command
from tasks.recorded_code import FOLDER, code_text, step_roots


def main() -> str:
    """Write one file for every step module."""
    count = 0
    for step, root in step_roots(Path("tasks")):
        write_text(FOLDER / f"{step}.json", code_text(root))
        count += 1
    write_manifest(FOLDER)
    project = Path.cwd()
    write_text(OUTSIDE, outside_text(load_params(project / "params.yaml"), project))
    write_manifest(OUTSIDE.parent)
    return f"{count} stages have their code hashed"


if __name__ == "__main__":
    command(main)
