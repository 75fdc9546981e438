"""Step "code": the code that each stage executes, as one hash a stage, with package versions.

Stages depend on their own file here instead of on source files: a comment makes no stage stale, a
function exactly the stages that use it.
"""

from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import write_manifest
from tasks.command import command
from tasks.recorded_code import FOLDER, code_text, step_roots

# So that there is a folder to depend on in a build without systems from outside.
PLUGINS = Path("data/plugins/own")


def main() -> str:
    """Write one file for every step module."""
    count = 0
    for step, root in step_roots(Path("tasks")):
        write_text(FOLDER / f"{step}.json", code_text(root))
        count += 1
    write_manifest(FOLDER)
    write_text(PLUGINS / "files.json", "{}\n")
    write_manifest(PLUGINS)
    return f"{count} stages have their code hashed"


if __name__ == "__main__":
    command(main)
