"""Small projects that DVC records, without Git."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

CONFIG = """\
[core]
    no_scm = True
    check_update = false
"""


def start_dvc(project: Path) -> None:
    """Make what ``dvc init --no-scm`` makes, without starting it."""
    (project / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
    (project / ".dvc" / "config").write_text(
        "[core]\n    no_scm = True\n    check_update = false\n"
    )


def set_remote(project: Path, url: str) -> None:
    """Let the project have one remote, which is checked; a path is counted from ``.dvc``."""
    remote = f"    remote = team\n['remote \"team\"']\n    url = {url}\n    verify = true\n"
    (project / ".dvc" / "config").write_text(CONFIG + remote)


def write_stages(project: Path, scripts: Mapping[str, tuple[str, str, str]]) -> None:
    """Write ``dvc.yaml``: of each stage its script, the script's arguments and its output."""
    stages = {
        name: {
            "cmd": f"'{sys.executable}' {script} {arguments}".strip(),
            "deps": [script],
            "outs": [output],
        }
        for name, (script, arguments, output) in scripts.items()
    }
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))


def dvc(project: Path, *arguments: str) -> str:
    """What a command of DVC's prints; subprocess.CalledProcessError where it fails."""
    command = (sys.executable, "-m", "dvc", *arguments)
    done = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    return done.stdout
