"""``python -m benchmarks.claims SYSTEM``: what a system's paper claims, measured on a build.

Reads the tables and the system's weights below the project's ``data/`` and writes
``claims-<system>-<size>.json`` beside the other results, and the rows of the system's README to the
console. Claims that do not hold stay in the file. What was measured on some of the subjects, or
with other settings than the size's own, goes to the console alone.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.machine import describe
from headwater.config import load_params
from headwater.errors import HeadwaterError
from headwater.evaluation.claims import claims_table, file_name, write_claims
from headwater.systems import find_system
from headwater.systems.settings import settings_of
from headwater.systems.stages import trained

RESULTS: Final = Path(__file__).parent / "results"


def main() -> None:
    """Measure the claims of the system that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system", help="name of a system of the build")
    parser.add_argument("--size", help="size that the build is expected to be of")
    parser.add_argument("--project", type=Path, default=Path(), help="folder of a finished build")
    parser.add_argument("--subjects", type=_count, help="only so many of the subjects")
    options = parser.parse_args()
    try:
        print(measure(options.system, options.size, options.project, options.subjects))
    except HeadwaterError as error:
        print(f"benchmarks.claims: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def measure(name: str, size: str | None, project: Path, subjects: int | None) -> str:
    """Measure the claims of a system, and write whole measurements; its README's table.

    Raises HeadwaterError for an unknown system, one without claims, and a build of another size.
    """
    params = load_params(project / "params.yaml")
    system = find_system(name, params, project)
    if system.claims is None:
        raise HeadwaterError(f"{name}: its folder has no claims")
    built = settings_of(system, params)
    if size not in (None, built.size):
        raise HeadwaterError(
            f"{name}: the build in {project.resolve()} is of size {built.size}, not {size}; "
            f"set systems.{name}.size in its params.yaml and build it"
        )
    model = trained(system, params, project)
    claims = system.claims(model, project / "data", subjects, show_progress)
    table = claims_table(claims)
    if subjects is not None or built.overrides:
        return f"{table}not kept: of some subjects, or with systems.{name}.overrides\n"
    about = {
        "system": name,
        "size": built.size,
        "overrides": {},
        "device": built.device,
        "subjects": "all",
        "commit": commit(project),
        "machine": describe(),
    }
    write_claims(RESULTS / file_name(name, built.size), claims, about)
    return table


def show_progress(done: int, subjects: int) -> None:
    """Show the progress in one line of a terminal, which is written again each time."""
    if sys.stderr.isatty():
        end = "\n" if done == subjects else "\r"
        print(f"{done} of {subjects} subjects", end=end, file=sys.stderr, flush=True)


def commit(project: Path) -> str | None:
    """Revision of the project's code, with "+" where files differ from it; None without git."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(project), "describe", "--always", "--abbrev=12", "--dirty=+"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


if __name__ == "__main__":
    main()
