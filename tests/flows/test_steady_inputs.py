"""Inputs and parameters that change while a step runs, as DVC records them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from flows.graph import changed_stages
from flows.recording import Recorder
from headwater.artifacts.manifest import write_manifest
from tests.flows.conftest import ToyProject
from tests.flows.test_kill import SECONDS, wait_for

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
    command |= {"parameters": None}
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


@pytest.mark.fault("parameters that are edited during a build are seen as changed")
def test_a_stage_is_on_record_with_the_parameters_that_its_build_began_with(
    toy: ToyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", toy.environment())

    def step() -> str:
        (toy.path / "data" / "numbers").mkdir()
        write_manifest(toy.path / "data" / "numbers")
        return "made of the former seed"

    with Recorder(toy.path) as recorder:
        toy.set(seed=8)
        recorder.record("numbers", lambda event: None, step=step)
    stages = yaml.safe_load((toy.path / "dvc.lock").read_text())["stages"]
    assert stages["numbers"]["params"]["params.yaml"]["seed"] == 7


@pytest.mark.slow
@pytest.mark.fault("parameters that are edited during a build are seen as changed")
def test_a_build_whose_parameters_are_edited_says_so_and_the_next_one_goes_by_them(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    project.set(seed=8)
    process = project.start(sys.executable, "-m", "flows", seconds=SECONDS)
    wait_for(project, "tasks.worker")
    project.set(seed=9)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert error.startswith("error: changed while they were built: ")
    assert project.flow().returncode == 0
    after, clean = project.bytes(), copy_of_built()
    clean.set(seed=9)
    clean.forget()
    assert clean.flow().returncode == 0
    assert after == clean.bytes()
