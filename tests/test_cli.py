"""Help and version of the command."""

import os
import subprocess
import sys
from pathlib import Path

from headwater import __version__


def headwater(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "headwater", *arguments),
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_version_is_shown() -> None:
    done = headwater("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"headwater {__version__}\n", "")


def test_shells_complete_verbs() -> None:
    script = headwater("--show-completion", "bash")
    assert script.returncode == 0, script.stderr
    assert "complete -o" in script.stdout
    done = subprocess.run(
        (Path(sys.executable).with_name("headwater"),),
        env={
            **os.environ,
            "_HEADWATER_COMPLETE": "complete_bash",
            "COMP_WORDS": "headwater rec",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["reconstruct"]


def test_reconstruct_outside_the_project_names_what_to_give(tmp_path: Path) -> None:
    done = headwater("reconstruct", "a.jpg", "-o", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "--project" in done.stderr
    assert len(done.stderr.splitlines()) == 1
