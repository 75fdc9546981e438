"""Computing the buckets of a step and assembling its tables from the cache."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.tables import bucket_bytes, bucket_file, read_bucket, to_table
from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.pipeline.belonging import misfit
from headwater.pipeline.cache import BucketCache
from headwater.pipeline.cache_place import cache_for
from headwater.pipeline.plan import Planned, key_of, load_work, plan
from headwater.pipeline.step import Result, Step, Work


@dataclass(frozen=True)
class Summary:
    """What a finished step holds: items put out and rejects by reason."""

    step: str
    items: int
    rejects: dict[str, int]


def compute_bucket(step: Step, params: Params, project: Path, planned: Planned) -> None:
    """Compute one bucket and put it into the cache.

    Raises HeadwaterError when an input changed meanwhile or an item was lost or doubled.
    """
    work = load_work(step, params, project, planned.bucket, planned.items)
    models = step.models(params, project) if step.models is not None else {}
    if key_of(step, work, models) != planned.key:
        raise HeadwaterError(
            f"{step.name}: the input of bucket {planned.bucket} changed; run again"
        )
    result = Result(step.name)
    step.compute(work, result)
    check_accounts(step, work, result)
    files = {
        schema.name: bucket_bytes(
            schema, to_table(schema, result.rows.get(schema.name, [])), planned.key
        )
        for schema in step.tables
    }
    cache_for(params, project).put(planned.key, files)


def check_accounts(step: Step, work: Work, result: Result) -> None:
    """Every item of the bucket is put out or rejected, once.

    Raises HeadwaterError naming the first items that are not.
    """
    expected = Counter(item.item for item in work.items)
    done = Counter(
        row["item"]
        for schema in (step.outputs[0], step.rejects)
        for row in result.rows.get(schema.name, [])
    )
    if expected != done:
        lost = sorted((expected - done).elements())[:3]
        extra = sorted((done - expected).elements())[:3]
        raise HeadwaterError(
            f"{step.name}: bucket {work.bucket} lost items {lost} and has unexpected items {extra}"
        )


def missing_buckets(step: Step, params: Params, project: Path) -> list[Planned]:
    """Buckets of a step that are not in the cache."""
    cache = cache_for(params, project)
    return [
        bucket for bucket in plan(step, params, project) if not cache.has(bucket.key, _names(step))
    ]


def assemble(
    step: Step,
    params: Params,
    project: Path,
    compute: Callable[[list[Planned]], Iterable[None]],
) -> Summary:
    """Make the step's tables from the cache; ``compute`` is given the buckets that are missing.

    Files of former buckets are removed. Raises HeadwaterError above ``max_reject_rate``.
    """
    cache = cache_for(params, project)
    buckets = plan(step, params, project)
    found = {bucket.key: _fitting(cache, step, bucket, params.buckets) for bucket in buckets}
    missing = [bucket for bucket in buckets if found[bucket.key] is None]
    for _ in compute(missing):
        pass
    for bucket in missing:
        found[bucket.key] = _fitting(cache, step, bucket, params.buckets)
    for schema in step.tables:
        folder = project / "data" / schema.step / schema.table
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {bucket_file(bucket.bucket) for bucket in buckets}
        for path in folder.glob("bucket-*.parquet"):
            if path.name not in wanted:
                path.unlink()
        for bucket in buckets:
            files = found[bucket.key]
            if files is None:
                raise HeadwaterError(f"{step.name}: bucket {bucket.bucket} was not computed")
            write_bytes(folder / bucket_file(bucket.bucket), files[schema.name])
    write_manifest(project / "data" / step.name)
    return summarise(step, params, project)


def _names(step: Step) -> list[str]:
    return [schema.name for schema in step.tables]


def _fitting(
    cache: BucketCache, step: Step, planned: Planned, buckets: int
) -> dict[str, bytes] | None:
    """A bucket's files from the cache; None when they are missing, damaged or another bucket's."""
    files = cache.get(planned.key, _names(step))
    return None if files is None or misfit(step, planned, buckets, files) else files


def summarise(step: Step, params: Params, project: Path) -> Summary:
    """Count the step's items and rejects.

    Raises HeadwaterError when more than ``max_reject_rate`` of the items were rejected.
    """
    items = 0
    reasons: Counter[str] = Counter()
    for path in sorted((project / "data" / step.outputs[0].name).glob("bucket-*.parquet")):
        items += read_bucket(path, step.outputs[0], ["item"]).num_rows
    for path in sorted((project / "data" / step.rejects.name).glob("bucket-*.parquet")):
        reasons.update(read_bucket(path, step.rejects, ["reason"]).column("reason").to_pylist())
    rejected = reasons.total()
    if rejected > params.max_reject_rate * (items + rejected):
        most = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3))
        raise HeadwaterError(
            f"{step.name}: {rejected} of {items + rejected} items were rejected, more than "
            f"max_reject_rate {params.max_reject_rate}; most often: {most}. "
            f"See data/{step.rejects.name}"
        )
    return Summary(step.name, items, dict(sorted(reasons.items())))
