"""Stages run in the right order, whatever the graph, and their run's page shows it."""

import json
import random
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.graph import Stage, dependants
from tests.flows.conftest import ToyProject

GRAPHS = 4
# Of the second system in the list that the stages are run with.
NICENESS = 8
# Prefect runs the graphs; in place of DVC stands what says whether a stage fails, and writes.
RUN = """
import atexit, json, os, sys, time
from contextlib import chdir
from pathlib import Path
from threading import Lock
from flows.server import PrefectServer
project = Path.cwd()
server = PrefectServer(project)
# Later than Prefect's own threads, which have things to tell the server.
atexit.register(server.stop)
os.environ.clear()
os.environ.update(server.environment)
with chdir(server.environment["PREFECT_HOME"]):
    import flows.build
    from prefect import flow
    from flows.rebuild import RUNNER, BuildFailed, BuildFault
    from flows.run_page import run_log
from flows.graph import Stage
from flows.screen import Screen
from headwater.artifacts.manifest import MANIFEST
from headwater.config import load_params
from headwater.errors import HeadwaterError, StepFault
from tasks.workers import Workers
assert (BuildFailed.exit_status, BuildFault.exit_status) == (2, 1)
server.wait()
params = load_params(project / "params.yaml")
params = params.model_copy(update={"build": {"a": "heads", "b": "heads"}})

class Record:
    def __init__(self, project):
        self.project = project
    def record(self, stage, on_event, again=False, niceness=0, step=None):
        with lock:
            events.append(["start", stage, niceness])
        time.sleep(0.01)
        if stage not in case["same"]:
            (self.project / stage / MANIFEST).write_text(str(len(events)))
        with lock:
            events.append(["end", stage, niceness])
        if stage in case["bad"]:
            raise (StepFault if case["fault"] else HeadwaterError)(f"{stage}: no luck")
    def __enter__(self):
        return self
    def __exit__(self, *error):
        pass

@flow(task_runner=RUNNER, persist_result=False)
def run(number):
    root = project / f"case {number}"
    graph = {}
    for name, needs in case["graph"].items():
        (root / name).mkdir(parents=True)
        (root / name / MANIFEST).write_text("before")
        graph[name] = Stage(name, "", frozenset(needs), False, (name,))
    with Workers(params, root) as workers:
        screen = Screen(run_log())
        fixed = (root, graph, workers, screen, case["changed"], (), params)
        build = flows.build.Build(*fixed, Record(root))
        return {"failed": build.run(), "faults": build.faults}

flows.build.dropped_outputs = lambda *_: False
results = []
for number, case in enumerate(json.loads(sys.argv[1])):
    events, lock = [], Lock()
    results.append({"events": events, **run(number)})
Path("results.json").write_text(json.dumps(results))
"""


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Stage]:
    """Random graphs in order: a stage needs only earlier ones."""
    graph: dict[str, Stage] = {}
    for number in range(draw(st.integers(1, 8))):
        needs = draw(st.frozensets(st.sampled_from(sorted(graph)))) if graph else frozenset()
        name = f"stage@{number}"
        graph[name] = Stage(name, "", needs, False)
    return graph


def reaches(needs: Mapping[str, Any], name: str, target: str) -> bool:
    """Slow reference: whether ``name`` needs ``target`` over any way."""
    return target in needs[name] or any(reaches(needs, need, target) for need in needs[name])


@given(graphs(), st.data())
def test_dependants_are_all_that_reach_a_stage(
    graph: dict[str, Stage], data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(sorted(graph)))
    needs = {name: stage.needs for name, stage in graph.items()}
    assert dependants(graph, target) == {name for name in graph if reaches(needs, name, target)}


def some_graph(chance: random.Random) -> dict[str, Any]:
    """A graph of stages, and which of them are changed, fail, or give the outputs of before."""
    graph: dict[str, list[str]] = {}
    for number in range(chance.randint(1, 9)):
        graph[f"stage{number}@{chance.choice('abc')}"] = chance.sample(
            sorted(graph), chance.randint(0, min(3, number))
        )
    names = sorted(graph)

    def some(most: int) -> list[str]:
        return chance.sample(names, chance.randint(0, min(most, len(names))))

    return {"graph": graph, "changed": some(4), "bad": some(2), "same": some(4)}


def expected(case: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Slow reference: stages that run, and those that do not hold."""
    ran: set[str] = set()
    failed: set[str] = set()
    for name, needs in case["graph"].items():
        if failed.intersection(needs):
            failed.add(name)
        elif name in case["changed"] or (ran - set(case["same"])).intersection(needs):
            ran.add(name)
            if name in case["bad"]:
                failed.add(name)
    return ran, failed


@pytest.mark.fault("a fault of one item fails its stage alone and is named")
def test_stages_run_once_after_their_needs_and_failures_stop_only_dependants(
    toy: ToyProject,
) -> None:
    chance = random.Random(7)
    cases = [{**some_graph(chance), "fault": bool(number % 2)} for number in range(GRAPHS)]
    done = toy.run(sys.executable, "-c", RUN, json.dumps(cases))
    assert done.returncode == 0, done.stderr
    results = json.loads((toy.path / "results.json").read_text())
    assert len(results) == GRAPHS
    for case, result in zip(cases, results, strict=True):
        ran, failed = expected(case)
        for _, name, niceness in result["events"]:
            assert niceness == (NICENESS if name.endswith("@b") else 0)
        started = [name for kind, name, _ in result["events"] if kind == "start"]
        assert len(started) == len(set(started))
        assert set(started) == ran
        assert set(result["failed"]) == failed
        assert result["faults"] == (case["fault"] and bool(ran.intersection(case["bad"])))
        ends = {name: n for n, (kind, name, _) in enumerate(result["events"]) if kind == "end"}
        starts = {name: n for n, (kind, name, _) in enumerate(result["events"]) if kind == "start"}
        for name in ran:
            for other in ran:
                assert not reaches(case["graph"], name, other) or ends[other] < starts[name]
    assert {case["fault"] for case in cases if expected(case)[1]} == {False, True}
