"""Stages start in the right order, whatever the graph."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.graph import Stage, dependants
from flows.schedule import Schedule


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Stage]:
    """Random graphs in order: a stage needs only earlier ones."""
    count = draw(st.integers(1, 8))
    graph: dict[str, Stage] = {}
    for number in range(count):
        needs = draw(st.frozensets(st.sampled_from(sorted(graph)))) if graph else frozenset()
        name = f"stage@{number}"
        graph[name] = Stage(name, "", needs, False)
    return graph


def reaches(graph: dict[str, Stage], name: str, target: str) -> bool:
    """Slow reference: whether ``name`` needs ``target`` over any way."""
    needs = graph[name].needs
    return target in needs or any(reaches(graph, need, target) for need in needs)


@given(graphs(), st.data())
def test_dependants_are_all_that_reach_a_stage(
    graph: dict[str, Stage], data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(sorted(graph)))
    assert dependants(graph, target) == {name for name in graph if reaches(graph, name, target)}


@pytest.mark.fault("a fault of one item fails its stage alone and is named")
@given(graphs(), st.data())
def test_stages_run_once_after_their_needs_and_failures_stop_only_dependants(
    graph: dict[str, Stage], data: st.DataObject
) -> None:
    changed = data.draw(st.sets(st.sampled_from(sorted(graph))))
    bad = data.draw(st.sets(st.sampled_from(sorted(graph))))
    same = data.draw(st.sets(st.sampled_from(sorted(graph)))) - bad
    schedule = Schedule(graph, changed)
    started: list[str] = []
    running: list[str] = []
    while schedule.open():
        for stage in schedule.ready():
            assert not any(reaches(graph, stage.name, other) for other in running)
            started.append(stage.name)
            running.append(stage.name)
        assert running
        name = running.pop(data.draw(st.integers(0, len(running) - 1)))
        if name in bad:
            schedule.fail(name)
        else:
            schedule.finished(name, changed=name not in same)
    wanted, failed = expected(graph, changed, bad, same)
    assert len(started) == len(set(started))
    assert set(started) == wanted
    assert schedule.failed == failed


def expected(
    graph: dict[str, Stage], changed: set[str], bad: set[str], same: set[str]
) -> tuple[set[str], set[str]]:
    """Slow reference: stages that run, and those that do not hold, in the order of the graph."""
    ran: set[str] = set()
    failed: set[str] = set()
    for name, stage in graph.items():
        if stage.needs & failed:
            failed.add(name)
        elif name in changed or stage.needs & (ran - same):
            ran.add(name)
            if name in bad:
                failed.add(name)
    return ran, failed


def test_stage_with_the_outputs_of_before_runs_nothing_after_it() -> None:
    graph = {
        "code": Stage("code", "", frozenset(), False),
        "photos": Stage("photos", "", frozenset({"code"}), False),
        "report": Stage("report", "", frozenset({"photos"}), False),
    }
    schedule = Schedule(graph, {"code", "report"})
    assert [stage.name for stage in schedule.ready()] == ["code"]
    schedule.finished("code", changed=False)
    assert [stage.name for stage in schedule.ready()] == ["report"]
    schedule.finished("report")
    assert not schedule.open()
