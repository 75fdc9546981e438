"""The rows of a bucket that stand while those of its items are tried again that were left.

Items that were rejected for the moment only make a whole bucket be computed anew where its other
rows are not known to be what was recorded.
"""

from collections.abc import Iterator
from pathlib import Path

from headwater.artifacts.manifest import DamagedManifest
from headwater.artifacts.tables import (
    DamagedTable,
    Row,
    bucket_file,
    bucket_key,
    read_bucket,
    read_unpacked,
)
from headwater.pipeline.belonging import misfit
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import Rows
from headwater.pipeline.step import Step
from headwater.reject_reasons import PASSING
from headwater.upkeep.adopt import NotAdopted, records_of, vouched
from headwater.upkeep.recorded import read_lock


def items_to_retry(step: Step, project: Path, planned: Planned) -> frozenset[str]:
    """Items of a planned bucket that the tables have as rejected for the moment; else none."""
    path = project / "data" / step.rejects.name / bucket_file(planned.bucket)
    try:
        if not path.is_file() or bucket_key(path) != planned.key:
            return frozenset()
        rejects = read_bucket(path, step.rejects, ["item", "reason"]).to_pylist()
    except DamagedTable:
        return frozenset()
    return frozenset(row["item"] for row in rejects if row["reason"] in PASSING)


def kept_rows(step: Step, project: Path, planned: Planned, buckets: int) -> Rows | None:
    """Rows by table of a planned bucket without those of its items to try again.

    buckets: number of buckets of every step. None where the tables do not hold that bucket as
    ``dvc.lock`` and their manifest have it.
    """
    folder, again = project / "data" / step.name, items_to_retry(step, project, planned)
    outputs = {output.path: output for output in read_lock(project)}
    try:
        records = records_of(project, folder, outputs.get(f"data/{step.name}"))
        names = {one.name: f"{one.table}/{bucket_file(planned.bucket)}" for one in step.tables}
        files = {table: vouched(folder / name, records.get(name)) for table, name in names.items()}
    except (NotAdopted, DamagedManifest):
        return None
    if misfit(step, planned, buckets, files):
        return None
    return {
        schema.name: list(_standing(files[schema.name], schema.arrow.names, again))
        for schema in step.tables
    }


def _standing(data: bytes, columns: list[str], again: frozenset[str]) -> Iterator[Row]:
    for row in read_unpacked(data, columns).to_pylist():
        if row["item"] not in again and row.get("parent") not in again:
            yield row
