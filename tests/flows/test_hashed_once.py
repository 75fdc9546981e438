"""What DVC records of an input that changes while its step runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.graph import changed_stages

PROJECT = Path(__file__).resolve().parents[2]
# Another photo comes once the step has listed them, the same one every time.
DVC_YAML = """
stages:
  photos:
    cmd: mkdir out && ls photos > out/list && cp photos/1.jpg photos/2.jpg
    deps:
      - photos
    outs:
      - out
"""


@pytest.mark.fault("an input that changes while a step reads it is seen as changed")
@pytest.mark.parametrize(
    ("commands", "listed", "changed"), [(1, "1.jpg\n", {"photos"}), (2, "1.jpg\n2.jpg\n", set())]
)
def test_a_photo_that_comes_while_a_step_runs_is_seen_by_the_next_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    commands: int,
    listed: str,
    changed: set[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(("git", "init", "--quiet"), check=True)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n")
    Path("dvc.yaml").write_text(DVC_YAML)
    Path("photos").mkdir()
    Path("photos/1.jpg").write_bytes(b"a photo")
    Path("dvc.log").touch()
    command = {"arguments": ["repro", "-s", "photos"], "log": "dvc.log", "at_hand": False}
    subprocess.run(
        (sys.executable, "-m", "flows.dvc_process", str(os.getpid())),
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        input=f"{json.dumps(command)}\n" * commands,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert Path("out/list").read_text() == listed
    assert changed_stages(tmp_path).keys() == changed
