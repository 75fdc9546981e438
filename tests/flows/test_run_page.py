"""The page of a build's run: its settings, its graph, the build's lines, and the outcome."""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from flows.run_page import metric_rows, page
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
    path = f"/flow_runs/{runs[-1].id}/graph-v2"
    print(json.dumps({
        "parameters": runs[-1].parameters,
        "graph": client.request("GET", path).json(),
        "flow": runs[-1].name,
        "log": [entry.message for entry in client.read_logs()],
        "tasks": [run.name for run in client.read_task_runs()],
        "artifacts": [[artifact.key, artifact.data] for artifact in client.read_artifacts()],
    }))
server.stop()
"""


@pytest.fixture(scope="module")
def left_there(built: ToyProject) -> dict[str, Any]:
    """Records of the build at its Prefect server."""
    done = built.run(sys.executable, "-c", READ)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.fault("a run's page tells of its stages, rejects, figures and errors")
def test_settings_log_artifact_and_tasks_tell_of_the_build(
    built: ToyProject, left_there: dict[str, Any]
) -> None:
    told = left_there
    said = (built.path / "output.txt").read_text().splitlines()
    lines = [line for line in said if re.match("numbers|doubles|squares|total", line)]
    assert len(lines) == 4
    for line in lines:
        assert told["log"].count(line) == 1
    assert told["parameters"] == {"review": False, "push": False}
    assert {f"compute numbers bucket {number}" for number in range(4)} <= set(told["tasks"])
    artifacts = dict(told["artifacts"])
    assert artifacts.keys() == {"build", "items", "metrics"}
    text = artifacts["build"]
    assert re.search(
        r"^\| numbers \| 36 items, 4 rejected: nine 4 \| \d+\.\d \|$", text, re.MULTILINE
    )
    assert "    subjects: 40" in text
    assert json.loads(artifacts["items"]) == [
        {"step": "doubles", "rows": "values 36", "rejected": 0, "reasons": ""},
        {"step": "numbers", "rows": "values 36", "rejected": 4, "reasons": "nine 4"},
        {"step": "squares", "rows": "values 36", "rejected": 0, "reasons": ""},
    ]
    assert json.loads(artifacts["metrics"]) == [
        {"metric": "data/total/metrics of.sum", "now": 19104, "last run": None, "change": None}
    ]


@pytest.mark.slow
@pytest.mark.fault("a run's page tells of its stages, rejects, figures and errors")
def test_next_build_shows_its_metrics_beside_the_last_ones(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    project.set(synthesize__subjects=50)
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    done = project.run(sys.executable, "-c", READ)
    assert done.returncode == 0, done.stderr
    artifacts = json.loads(done.stdout.splitlines()[-1])["artifacts"]
    shown = [json.loads(data) for key, data in artifacts if key == "metrics"]
    [last] = [rows for rows in shown if rows[0]["last run"] is not None]
    assert last == [
        {
            "metric": "data/total/metrics of.sum",
            "now": 37380,
            "last run": 19104,
            "change": 18276,
        }
    ]


@pytest.mark.fault("a run's page tells of its stages, rejects, figures and errors")
def test_graph_of_the_page_is_the_graph_of_the_stages(left_there: dict[str, Any]) -> None:
    nodes = dict(left_there["graph"]["nodes"])
    names = {identifier: node["label"] for identifier, node in nodes.items()}
    stages = {"numbers", "doubles", "squares", "total"}
    needs = {
        node["label"]: {names[parent["id"]] for parent in node["parents"]}
        for node in nodes.values()
        if node["label"] in stages
    }
    assert needs == {
        "numbers": set(),
        "doubles": {"numbers"},
        "squares": {"numbers"},
        "total": {"doubles", "squares"},
    }
    for node in nodes.values():
        if node["label"] not in stages:
            [inside] = node["encapsulating"]
            assert node["label"].startswith(f"compute {names[inside['id']]} bucket ")


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


def test_metrics_stand_beside_those_of_the_last_run() -> None:
    assert metric_rows({"loss": 1.5, "new": 2}, {"loss": 2.0, "gone": 3}) == [
        {"metric": "loss", "now": 1.5, "last run": 2.0, "change": -0.5},
        {"metric": "new", "now": 2, "last run": None, "change": None},
    ]
