"""Stages start in the right order, whatever the graph."""

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


@given(graphs(), st.data())
def test_stages_run_once_after_their_needs_and_failures_stop_only_dependants(
    graph: dict[str, Stage], data: st.DataObject
) -> None:
    changed = data.draw(st.sets(st.sampled_from(sorted(graph))))
    bad = data.draw(st.sets(st.sampled_from(sorted(graph))))
    schedule = Schedule(graph, changed)
    started: list[str] = []
    running: list[str] = []
    while schedule.open():
        for stage in schedule.ready():
            assert stage.needs & set(changed_or_below(graph, changed)) <= set(started)
            assert not stage.needs & set(running)
            started.append(stage.name)
            running.append(stage.name)
        assert running
        name = running.pop(data.draw(st.integers(0, len(running) - 1)))
        (schedule.fail if name in bad else schedule.finished)(name)
    wanted = changed_or_below(graph, changed)
    stopped = {name for name in wanted if any(reaches(graph, name, b) for b in bad & wanted)}
    assert len(started) == len(set(started))
    assert set(started) == wanted - stopped
    assert schedule.failed == (bad & wanted) | stopped


def changed_or_below(graph: dict[str, Stage], changed: set[str]) -> set[str]:
    """Changed stages and those that need one."""
    return changed | {name for name in graph if any(reaches(graph, name, c) for c in changed)}
