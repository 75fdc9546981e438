"""The page of a build's run: its log has the build's lines, its artifact the outcome."""

import json
import re
import sys

import pytest

from flows.run_page import page
from flows.screen import Ended
from tests.flows.conftest import ToyProject

# Starts the project's Prefect server anew and reads what the last build left there.
READ = """
import json, os
from pathlib import Path
from flows.server import PrefectServer
server = PrefectServer(Path.cwd())
os.environ.clear()
os.environ.update(server.environment)
from prefect.client.orchestration import get_client
server.wait()
with get_client(sync_client=True) as client:
    runs = client.read_flow_runs()
    print(json.dumps({
        "flow": runs[-1].name,
        "log": [entry.message for entry in client.read_logs()],
        "tasks": [run.name for run in client.read_task_runs()],
        "artifacts": [[artifact.key, artifact.data] for artifact in client.read_artifacts()],
    }))
server.stop()
"""


@pytest.mark.fault("a run's page tells of its stages, rejects, figures and errors")
def test_log_artifact_and_tasks_tell_of_the_build(built: ToyProject) -> None:
    done = built.run(sys.executable, "-c", READ)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    said = (built.path / "output.txt").read_text().splitlines()
    lines = [line for line in said if re.match("numbers|doubles|squares|total", line)]
    assert len(lines) == 4
    for line in lines:
        assert told["log"].count(line) == 1
    assert {f"compute numbers bucket {number}" for number in range(4)} <= set(told["tasks"])
    [[key, text]] = told["artifacts"]
    assert key == "build"
    assert re.search(
        r"^\| numbers \| 36 items, 4 rejected: nine 4 \| \d+\.\d \|$", text, re.MULTILINE
    )
    assert "    subjects: 40" in text


@pytest.mark.fault("a run's page tells of its stages, rejects, figures and errors")
def test_page_shows_figures_and_what_was_left() -> None:
    ended = [Ended("photos", "3 items, 1 rejected: changed 1", 1.25)]
    text = page(ended, ["photos: 1 item was left"], ["glvd  ratio  0.7"], "seed: 7\n")
    assert text == (
        "| stage | | seconds |\n|---|---|---:|\n"
        "| photos | 3 items, 1 rejected: changed 1 | 1.2 |\n\n"
        "- photos: 1 item was left\n\n"
        "## Figures\n\n    glvd  ratio  0.7\n\n"
        "## Settings\n\n    seed: 7\n"
    )
