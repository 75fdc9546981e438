"""A bucket in the cache that is not the planned one is computed again."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from toy_tables import DOUBLES, NUMBERS

from headwater.artifacts.schemas import TABLES, rejects_schema
from headwater.artifacts.tables import Row, bucket_bytes, to_table
from headwater.errors import HeadwaterError
from headwater.pipeline.belonging import misfit
from headwater.pipeline.cache_place import cache_for
from headwater.pipeline.plan import Planned, plan
from headwater.pipeline.run import assemble
from headwater.pipeline.step import Result, Step, Work
from tests.pipeline.conftest import Pipeline

Files = dict[str, bytes]


def bucket_of_rows(step: Step, planned: Planned, rows: list[Row], key: str = "") -> Files:
    """A bucket's files with these rows in its first table and no rejects."""
    return {
        schema.name: bucket_bytes(
            schema,
            to_table(schema, rows if schema == step.outputs[0] else []),
            key or planned.key,
        )
        for schema in step.tables
    }


def rows_of(pipeline: Pipeline, planned: Planned) -> list[Row]:
    """The rows that the step makes of a bucket."""
    result = Result("numbers")
    work = Work(planned.bucket, planned.items, {}, pipeline.params, pipeline.project)
    pipeline.numbers.compute(work, result)
    return result.rows[NUMBERS.name]


Foreign = Callable[[Pipeline, Step, Planned, Planned], Files]


def rows_of_another_bucket(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    return bucket_of_rows(step, mine, rows_of(p, other))


def key_of_another_bucket(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    return bucket_of_rows(step, mine, rows_of(p, mine), other.key)


def item_missing(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    return bucket_of_rows(step, mine, rows_of(p, mine)[1:])


def item_twice(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    rows = rows_of(p, mine)
    return bucket_of_rows(step, mine, [*rows, rows[0]])


def item_renamed(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    first, *rest = rows_of(p, mine)
    return bucket_of_rows(step, mine, [{**first, "item": "f" * 32}, *rest])


def subject_renamed(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    first, *rest = rows_of(p, mine)
    return bucket_of_rows(step, mine, [{**first, "subject": "no number"}, *rest])


def table_of_another_step(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    table = bucket_bytes(DOUBLES, to_table(DOUBLES, rows_of(p, mine)), mine.key)
    return {**bucket_of_rows(step, mine, []), NUMBERS.name: table}


def table_of_other_columns(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    schema = rejects_schema("numbers")
    posing = replace(schema, arrow=schema.arrow.with_metadata(NUMBERS.arrow.metadata))
    table = bucket_bytes(posing, to_table(posing, []), mine.key)
    return {**bucket_of_rows(step, mine, []), NUMBERS.name: table}


def no_parquet(p: Pipeline, step: Step, mine: Planned, other: Planned) -> Files:
    return {schema.name: b"PAR1 and more PAR1" for schema in step.tables}


@pytest.mark.fault("a bucket of another key or step is never served")
@pytest.mark.parametrize(
    "foreign",
    [
        rows_of_another_bucket,
        key_of_another_bucket,
        item_missing,
        item_twice,
        item_renamed,
        subject_renamed,
        table_of_another_step,
        table_of_other_columns,
        no_parquet,
    ],
)
def test_foreign_bucket_is_computed_again(pipeline: Pipeline, foreign: Foreign) -> None:
    step = pipeline.numbers
    pipeline.build(step)
    sound = pipeline.files()
    pipeline.computed.clear()
    mine, other = plan(step, pipeline.params, pipeline.project)[1:3]
    files = foreign(pipeline, step, mine, other)
    assert misfit(step, mine, pipeline.params.buckets, files)
    cache_for(pipeline.params, pipeline.project).put(mine.key, files)
    pipeline.build(step)
    assert pipeline.files() == sound
    assert pipeline.computed == [("numbers", mine.bucket)]


def test_own_bucket_fits(pipeline: Pipeline) -> None:
    step = pipeline.numbers
    for planned in plan(step, pipeline.params, pipeline.project):
        files = bucket_of_rows(step, planned, rows_of(pipeline, planned))
        assert misfit(step, planned, pipeline.params.buckets, files) == ""


@pytest.mark.fault("a bucket of another key or step is never served")
def test_foreign_bucket_that_is_not_replaced_is_refused(pipeline: Pipeline) -> None:
    step = pipeline.numbers
    pipeline.build(step)
    mine, other = plan(step, pipeline.params, pipeline.project)[:2]
    files = rows_of_another_bucket(pipeline, step, mine, other)
    cache_for(pipeline.params, pipeline.project).put(mine.key, files)
    with pytest.raises(HeadwaterError, match=f"bucket {mine.bucket} was not computed"):
        assemble(step, pipeline.params, pipeline.project, lambda missing: [])


@pytest.mark.parametrize("name", TABLES)
def test_every_table_says_which_item_and_subject_a_row_is_of(name: str) -> None:
    assert {"item", "subject"} <= set(TABLES[name].arrow.names)
