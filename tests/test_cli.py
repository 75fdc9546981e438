"""Help and version of the command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_command_that_is_stopped_leaves_nothing_half_written(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    program = f"""
import time
from pathlib import Path
from headwater import cli
from headwater.sharing.new_folder import appearing

@cli.app.command()
def slow() -> None:
    with appearing(Path({str(tmp_path / "out")!r})) as made:
        (made / "half").write_text("x")
        print("begun", flush=True)
        time.sleep(60)

cli.main(["slow"])
"""
    process = subprocess.Popen(
        (sys.executable, "-c", program), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    assert [path.name for path in tmp_path.iterdir()] != []
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == status
    assert said == "error: stopped; run it again\n"
    assert list(tmp_path.iterdir()) == []
