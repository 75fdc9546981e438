"""A folder with entries that DVC cannot hash is still a dependency that it can follow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.graph import changed_stages
from flows.odd_entries import hashable

PROJECT = Path(__file__).resolve().parents[2]
DVC_YAML = """
stages:
  photos:
    cmd: mkdir out && ls -A photos | wc -l > out/count
    deps:
      - photos
    outs:
      - out
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a folder of one sound file and every odd entry."""
    subprocess.run(("git", "init", "--quiet", str(tmp_path)), check=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a photo.jpg").write_bytes(b"sound")
    (photos / "new\nline 'quoted' \N{GRINNING FACE}.jpg").write_bytes(b"sound too")
    (photos / "broken link.jpg").symlink_to("nowhere.jpg")
    (photos / "link to a folder above").symlink_to("..")
    os.mkfifo(photos / "pipe.jpg")
    (photos / os.fsdecode(b"not \xff text.jpg")).write_bytes(b"x")
    (photos / os.fsdecode(b"folder \xff")).mkdir()
    (photos / os.fsdecode(b"folder \xff") / "inside.jpg").write_bytes(b"x")
    (photos / "secret.jpg").write_bytes(b"x")
    (photos / "secret.jpg").chmod(0)
    return tmp_path


def record(folder: Path) -> None:
    log = folder / "dvc.log"
    log.touch()
    command = {"arguments": ["repro", "-s", "photos"], "log": str(log), "at_hand": False}
    command |= {"parameters": None}
    done = subprocess.run(
        (sys.executable, "-m", "flows.dvc_process", str(os.getpid())),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        input=f"{json.dumps(command)}\n",
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {"ended": 0}, log.read_text()


@pytest.mark.fault("what is no file, or never answers, is passed over")
def test_odd_entries_stop_nothing_and_changes_are_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert "photos" in changed_stages(folder)
    record(folder)
    assert changed_stages(folder) == {}
    (folder / "photos" / "one more.jpg").write_bytes(b"more")
    assert "photos" in changed_stages(folder)
    record(folder)
    assert changed_stages(folder) == {}
    (folder / "photos" / "nowhere.jpg").write_bytes(b"the link leads somewhere now")
    assert "photos" in changed_stages(folder)


@pytest.mark.fault("what is no file, or never answers, is passed over")
def test_a_link_to_a_file_that_never_answers_is_passed_over(tmp_path: Path) -> None:
    """A lease makes whoever opens the file wait for its holder, who does not answer."""
    (tmp_path / "slow").write_bytes(b"content")
    (tmp_path / "link.jpg").symlink_to("slow")
    (tmp_path / "sound.jpg").symlink_to("sound")
    (tmp_path / "sound").write_bytes(b"content")
    hold = (
        "import fcntl, os, signal, time; signal.signal(signal.SIGIO, signal.SIG_IGN);"
        "f = os.open('slow', os.O_RDWR); fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK);"
        "print(flush=True); time.sleep(60)"
    )
    command = (sys.executable, "-c", hold)
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline()
        try:
            assert hashable(str(tmp_path), ["link.jpg", "sound.jpg"]) == ["sound.jpg"]
        finally:
            holder.kill()
