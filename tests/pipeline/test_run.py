"""Steps compute exactly what is missing, and lose nothing."""

import resource
import shutil
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from number_steps import double, fail_at_seven, lose, three_for_each_bucket, wide
from toy_tables import DOUBLES, NUMBERS

from headwater.artifacts.ids import bucket_of, item_id
from headwater.artifacts.schemas import MASKS, rejects_schema
from headwater.artifacts.tables import Row, bucket_key, read_table
from headwater.config import load_params
from headwater.errors import HeadwaterError, StepFault
from headwater.pipeline.cache_place import cache_for
from headwater.pipeline.plan import plan
from headwater.pipeline.run import (
    Summary,
    assemble,
    compute_bucket,
    compute_items,
    forget_aside,
    items_of_bucket,
    missing_buckets,
    store_bucket,
)
from headwater.pipeline.step import Step
from headwater.reject_reasons import RejectReason
from tests.pipeline.conftest import PROJECT, Pipeline, next_version


def bucket(value: int, pipeline: Pipeline) -> int:
    return bucket_of(item_id(value), pipeline.params.buckets)


def test_second_build_computes_nothing_and_writes_the_same_bytes(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    pipeline.build(pipeline.doubles)
    files = pipeline.files()
    pipeline.computed.clear()
    pipeline.build(pipeline.numbers)
    pipeline.build(pipeline.doubles)
    assert pipeline.computed == []
    assert pipeline.files() == files
    assert pipeline.read(DOUBLES) == [2 * n for n in range(40)]


def test_one_item_more_computes_its_bucket_in_every_step(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    pipeline.build(pipeline.doubles)
    pipeline.computed.clear()
    pipeline.values.append(40)
    pipeline.build(pipeline.numbers)
    pipeline.build(pipeline.doubles)
    number = bucket(40, pipeline)
    assert pipeline.computed == [("numbers", number), ("doubles", number)]
    assert pipeline.read(DOUBLES) == [2 * n for n in range(41)]


def test_removed_item_is_gone_and_an_empty_bucket_leaves_no_file(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    number = bucket(7, pipeline)
    pipeline.values = [n for n in pipeline.values if bucket(n, pipeline) != number]
    pipeline.build(pipeline.numbers)
    assert pipeline.read(NUMBERS) == pipeline.values
    assert not list((pipeline.project / "data").rglob(f"bucket-{number:03d}.parquet"))


def test_a_step_that_nothing_reads_is_empty_until_something_does(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    files = pipeline.files()
    unread = replace(pipeline.numbers, wanted=lambda params, project: False)
    pipeline.computed.clear()
    assert pipeline.build(unread) == Summary("numbers", 0, {})
    assert not list((pipeline.project / "data").rglob("*.parquet"))
    pipeline.build(replace(unread, wanted=lambda params, project: project == pipeline.project))
    assert pipeline.files() == files
    assert pipeline.computed == []


def test_former_state_comes_back_from_the_cache(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    files = pipeline.files()
    pipeline.values.append(40)
    pipeline.build(pipeline.numbers)
    pipeline.computed.clear()
    pipeline.values.remove(40)
    pipeline.build(pipeline.numbers)
    assert pipeline.computed == []
    assert pipeline.files() == files


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("", {"seed": 8}),
        ("split", {"test": 0.5}),
        ("sdf", {"samples": 99}),
    ],
)
def test_settings_that_count_change_every_key(
    pipeline: Pipeline, group: str, values: dict[str, float]
) -> None:
    before = plan(pipeline.numbers, pipeline.params, pipeline.project)
    pipeline.set(group, **values)
    after = plan(pipeline.numbers, pipeline.params, pipeline.project)
    assert not {planned.key for planned in before} & {planned.key for planned in after}


def test_settings_of_other_steps_change_no_key(pipeline: Pipeline) -> None:
    before = plan(pipeline.numbers, pipeline.params, pipeline.project)
    pipeline.set("ingest", frame_px=64)
    assert plan(pipeline.numbers, pipeline.params, pipeline.project) == before


def test_version_and_models_change_every_key(pipeline: Pipeline) -> None:
    step = pipeline.numbers
    keys = set()
    for changed in (
        step,
        next_version(step),
        replace(step, models=lambda params, project: {"head_model": "a"}),
        replace(step, models=lambda params, project: {"head_model": "b"}),
    ):
        keys |= {planned.key for planned in plan(changed, pipeline.params, pipeline.project)}
    assert len(keys) == 4 * len(plan(step, pipeline.params, pipeline.project))


def test_every_file_carries_the_key_of_its_bucket(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    for planned in plan(pipeline.numbers, pipeline.params, pipeline.project):
        for schema in pipeline.numbers.tables:
            folder = pipeline.project / "data" / schema.name
            assert bucket_key(folder / f"bucket-{planned.bucket:03d}.parquet") == planned.key


def test_rejects_are_recorded_and_counted(pipeline: Pipeline) -> None:
    pipeline.rejected = {3, 30}
    summary = pipeline.build(pipeline.numbers)
    assert (summary.items, summary.rejects) == (38, {"disliked": 2})
    rows = read_table(pipeline.project / "data", rejects_schema("numbers")).to_pylist()
    assert {(row["name"], row["reason"], row["step"]) for row in rows} == {
        ("number 3", "disliked", "numbers"),
        ("number 30", "disliked", "numbers"),
    }


def test_too_many_rejects_fail_the_step_and_name_the_reason(pipeline: Pipeline) -> None:
    pipeline.set("", max_reject_rate=0.25)
    pipeline.rejected = set(range(10))
    pipeline.build(pipeline.numbers)
    pipeline.rejected = set(range(11))
    pipeline.set("", seed=8)
    with pytest.raises(HeadwaterError, match=r"11 of 40 items .* disliked \(11\)"):
        pipeline.build(pipeline.numbers)


@pytest.mark.parametrize("compute", [lose, double])
def test_lost_or_doubled_item_stops_the_step(pipeline: Pipeline, compute: object) -> None:
    with pytest.raises(HeadwaterError, match=r"lost items .* unexpected items"):
        pipeline.build(replace(pipeline.numbers, compute=compute))


def test_input_that_changed_after_planning_is_refused(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    planned = plan(pipeline.doubles, pipeline.params, pipeline.project)
    pipeline.values.append(40)
    pipeline.build(pipeline.numbers)
    changed = next(p for p in planned if p.bucket == bucket(40, pipeline))
    with pytest.raises(HeadwaterError, match="changed; run again"):
        compute_bucket(pipeline.doubles, pipeline.params, pipeline.project, changed)


@pytest.mark.fault("a damaged entry of the cache is never served")
def test_damaged_bucket_in_the_cache_is_computed_again(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    files = pipeline.files()
    pipeline.computed.clear()
    planned = plan(pipeline.numbers, pipeline.params, pipeline.project)[2]
    folder = pipeline.project / ".headwater" / "cache" / planned.key[:2] / planned.key
    path = folder / "numbers.values.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    pipeline.build(pipeline.numbers)
    assert pipeline.computed == [("numbers", planned.bucket)]
    assert pipeline.files() == files


@pytest.mark.fault("memory does not grow with the number of items")
def test_tables_are_made_of_one_bucket_at_a_time(tmp_path: Path) -> None:
    """Eight times the items, as many in a bucket: 1 MB and 10 MB."""
    step = Step("masks", 1, (), (MASKS,), lambda params: {}, wide, sources=three_for_each_bucket)
    peaks = []
    for buckets in (4, 32):
        params = load_params(PROJECT / "params.yaml").model_copy(update={"buckets": buckets})
        project = tmp_path / str(buckets)
        for planned in plan(step, params, project):
            compute_bucket(step, params, project, planned)
        tracemalloc.start()
        assert assemble(step, params, project, lambda missing: []).items == 3 * buckets
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The largest of more buckets is a little larger.
    assert peaks[1] < 2 * peaks[0]


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file may be larger, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.fault("a full disk is one sentence")
def test_a_write_that_finds_no_room_leaves_all_as_it_was(pipeline: Pipeline) -> None:
    pipeline.build(pipeline.numbers)
    before = pipeline.files()
    pipeline.values.append(40)
    with (
        room(1000),
        pytest.raises(HeadwaterError, match=r"\.parquet: cannot be written \(File too large\)"),
    ):
        pipeline.build(pipeline.numbers)
    assert pipeline.files() == before
    assert not list(pipeline.project.rglob("*.tmp"))
    pipeline.build(pipeline.numbers)
    assert pipeline.read(NUMBERS) == pipeline.values
    assert not list(pipeline.project.rglob("*.tmp"))


def test_missing_buckets_are_those_not_in_the_cache(pipeline: Pipeline) -> None:
    step, params, project = pipeline.numbers, pipeline.params, pipeline.project
    everything = plan(step, params, project)
    assert missing_buckets(step, params, project) == everything
    compute_bucket(step, params, project, everything[0])
    assert missing_buckets(step, params, project) == everything[1:]
    assert cache_for(params, project).has(everything[0].key, [s.name for s in step.tables])


@settings(max_examples=15, deadline=None)
@given(
    values=st.lists(st.integers(0, 1000), unique=True, min_size=1, max_size=20),
    buckets=st.integers(1, 8),
    order=st.randoms(use_true_random=False),
)
def test_bytes_do_not_depend_on_order_or_on_what_was_there_before(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], buckets: int, order: object
) -> None:
    params = load_params(PROJECT / "params.yaml").model_copy(update={"buckets": buckets})
    shuffled = list(values)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    folders = [Path(tmp_path_factory.mktemp("order")) for _ in range(2)]
    clean = Pipeline(folders[0], params, values)
    grown = Pipeline(folders[1], params, shuffled[: len(shuffled) // 2])
    for pipeline in (clean, grown):
        pipeline.build(pipeline.numbers)
        pipeline.build(pipeline.doubles)
    grown.values = shuffled
    grown.build(grown.numbers)
    grown.build(grown.doubles)
    assert grown.files() == clean.files()


@pytest.mark.fault("a trouble that passes is never kept as a result")
def test_items_rejected_for_the_moment_are_in_this_build_and_not_in_the_cache(
    pipeline: Pipeline,
) -> None:
    step, params, project = pipeline.numbers, pipeline.params, pipeline.project
    pipeline.rejected, pipeline.reason = {3}, RejectReason.CHANGED
    summary = pipeline.build(step)
    assert (summary.items, summary.rejects) == (39, {"changed": 1})
    number = bucket(3, pipeline)
    assert [left.bucket for left in missing_buckets(step, params, project)] == [number]
    pipeline.computed.clear()
    pipeline.rejected = set()
    forget_aside(project, step.name)
    assert pipeline.build(step).rejects == {}
    assert pipeline.computed == [("numbers", number)]
    assert missing_buckets(step, params, project) == []


@pytest.mark.fault("a fault of one item fails its stage alone and is named")
def test_fault_names_step_bucket_and_item(pipeline: Pipeline) -> None:
    step = replace(pipeline.numbers, compute=fail_at_seven)
    with pytest.raises(StepFault) as fault:
        pipeline.build(step)
    assert str(fault.value) == (
        f"numbers: bucket {bucket(7, pipeline)}, item {item_id(7)} (number 7): "
        "unexpected ZeroDivisionError: integer division or modulo by zero"
    )


@pytest.mark.fault("an item that kills its worker is one reject, tried again by the next build")
def test_bucket_computed_in_parts_is_the_bucket_computed_at_once(pipeline: Pipeline) -> None:
    step, params, project = pipeline.numbers, pipeline.params, pipeline.project
    pipeline.rejected = {3}
    planned = next(p for p in plan(step, params, project) if p.bucket == bucket(3, pipeline))
    compute_bucket(step, params, project, planned)
    names = [schema.name for schema in step.tables]
    whole = cache_for(params, project).get(planned.key, names)
    items = items_of_bucket(step, params, project, planned)
    assert len(items) > 2
    rows: dict[str, list[Row]] = {}
    for part in (items[2:], items[:2]):
        for table, some in compute_items(step, params, project, planned, part).items():
            rows.setdefault(table, []).extend(some)
    shutil.rmtree(project / ".headwater")
    store_bucket(step, params, project, planned, rows)
    assert cache_for(params, project).get(planned.key, names) == whole
    rows[NUMBERS.name].pop()
    with pytest.raises(HeadwaterError, match="lost items"):
        store_bucket(step, params, project, planned, rows)
