"""Computing the buckets of a step and assembling its tables from the cache."""

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.tables import (
    Row,
    bucket_bytes,
    bucket_file,
    read_bucket,
    row_count,
    to_table,
)
from headwater.config import Params
from headwater.errors import HeadwaterError, StepFault
from headwater.pipeline.belonging import misfit
from headwater.pipeline.cache import BucketCache
from headwater.pipeline.cache_place import cache_for
from headwater.pipeline.known import Known, read_known
from headwater.pipeline.plan import Planned, key_of, load_work, plan
from headwater.pipeline.step import Item, Result, Step, Work, counted_items
from headwater.reject_reasons import PASSING

Rows = Mapping[str, list[Row]]
ASIDE = Path(".headwater/aside")


@dataclass(frozen=True)
class Summary:
    """Items and rejects by reason of a finished step."""

    step: str
    items: int
    rejects: dict[str, int]


def compute_bucket(step: Step, params: Params, project: Path, planned: Planned) -> None:
    """Compute one bucket and put it into the cache, or aside: see ``store_bucket``.

    Raises HeadwaterError when an input changed meanwhile or an item was lost or doubled, and
    StepFault, which names the item where it is known, for any other exception of the step.
    """
    work = _load(step, params, project, planned)
    _store(step, work, planned.key, _rows(step, work))


def compute_items(
    step: Step, params: Params, project: Path, planned: Planned, items: Collection[Item]
) -> Rows:
    """Rows by table of some of a bucket's items; raises as ``compute_bucket`` does."""
    work = _load(step, params, project, planned)
    return _rows(step, replace(work, items=[item for item in work.items if item in items]))


def items_of_bucket(step: Step, params: Params, project: Path, planned: Planned) -> list[Item]:
    """Items of one bucket; raises HeadwaterError when an input changed meanwhile."""
    return list(_load(step, params, project, planned).items)


def store_bucket(step: Step, params: Params, project: Path, planned: Planned, rows: Rows) -> None:
    """Put a bucket's rows into the cache, or aside when an item was rejected for the moment.

    Such a reject is no result of the bucket's key: this build's tables hold it, and the next
    build computes the bucket anew. Raises HeadwaterError when an item was lost or doubled.
    """
    _store(step, _load(step, params, project, planned), planned.key, rows)


def _rows(step: Step, work: Work) -> Rows:
    result = Result(step.name)
    try:
        step.compute(work, result)
    except (HeadwaterError, MemoryError):
        raise
    except Exception as error:
        item = result.current
        place = f"bucket {work.bucket}" + (f", item {item.item} ({item.name})" if item else "")
        raise StepFault(
            f"{step.name}: {place}: unexpected {type(error).__name__}: {error}"
        ) from error
    return result.rows


def _store(step: Step, work: Work, key: str, rows: Rows) -> None:
    check_accounts(step, work, rows)
    files = {
        schema.name: bucket_bytes(schema, to_table(schema, rows.get(schema.name, [])), key)
        for schema in step.tables
    }
    passing = any(row["reason"] in PASSING for row in rows.get(step.rejects.name, []))
    cache = aside(step.name, work.project) if passing else cache_for(work.params, work.project)
    cache.put(key, files)


def aside(step: str, project: Path) -> BucketCache:
    """Buckets of a step that hold for one build only, for an item of theirs is tried again."""
    return BucketCache(str(project / ASIDE / step))


def forget_aside(project: Path, step: str = "") -> None:
    """Forget what former builds left aside, of one step or of all."""
    shutil.rmtree(project / ASIDE / step, ignore_errors=True)


def _load(step: Step, params: Params, project: Path, planned: Planned) -> Work:
    work = load_work(step, params, project, planned.bucket, planned.items)
    models = step.models(params, project) if step.models is not None else {}
    if key_of(step, work, models) != planned.key:
        raise HeadwaterError(
            f"{step.name}: the input of bucket {planned.bucket} changed; run again"
        )
    return work


def check_accounts(step: Step, work: Work, rows: Rows) -> None:
    """Every item of the work is put out or rejected, once.

    Raises HeadwaterError naming the first items that are not.
    """
    expected = Counter(item.item for item in work.items)
    done = Counter(
        item
        for schema in (step.outputs[0], step.rejects)
        for item in counted_items(rows.get(schema.name, []), expected)
    )
    if expected != done:
        lost = sorted((expected - done).elements())[:3]
        extra = sorted((done - expected).elements())[:3]
        raise HeadwaterError(
            f"{step.name}: bucket {work.bucket} lost items {lost} and has unexpected items {extra}"
        )


def missing_buckets(step: Step, params: Params, project: Path) -> list[Planned]:
    """Buckets of a step that are not in the cache."""
    cache, known = cache_for(params, project), read_known(project, step.name)
    buckets = plan(step, params, project, known)
    known.keep(unused=True)
    return [bucket for bucket in buckets if not cache.has(bucket.key, _names(step))]


def assemble(
    step: Step,
    params: Params,
    project: Path,
    compute: Callable[[list[Planned]], Iterable[None]],
) -> Summary:
    """Make the step's tables from the cache; ``compute`` is given the buckets that are missing.

    It is called again with those that the cache has and that are damaged or another's; with none
    mostly. Files of former buckets are removed. Raises HeadwaterError above ``max_reject_rate``.
    """
    known = read_known(project, step.name)
    buckets = plan(step, params, project, known)
    places = (cache_for(params, project), aside(step.name, project))
    missing = [one for one in buckets if not any(c.has(one.key, _names(step)) for c in places)]
    for _ in compute(missing):
        pass
    for schema in step.tables:
        _clear(project / "data" / schema.name, {bucket_file(one.bucket) for one in buckets})
    # One bucket at a time: all of them may be more than memory holds.
    unfit = [one for one in buckets if not _placed(places, step, one, params, project, known)]
    for _ in compute(unfit):
        pass
    for one in unfit:
        if not _placed(places, step, one, params, project, known):
            raise HeadwaterError(f"{step.name}: bucket {one.bucket} was not computed")
    write_manifest(project / "data" / step.name)
    known.keep()
    return summarise(step, params, project)


def _clear(folder: Path, wanted: Collection[str]) -> None:
    """Make a table's folder, and remove the buckets in it that are not wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("bucket-*.parquet"):
        if path.name not in wanted:
            path.unlink()


def _placed(
    places: Iterable[BucketCache],
    step: Step,
    planned: Planned,
    params: Params,
    project: Path,
    known: Known,
) -> bool:
    """Write a bucket's files from a cache into the tables; False where none has it as planned."""
    files = _fitting(places, step, planned, params.buckets, known)
    for name, data in (files or {}).items():
        write_bytes(project / "data" / name / bucket_file(planned.bucket), data)
    return files is not None


def _names(step: Step) -> list[str]:
    return [schema.name for schema in step.tables]


def _fitting(
    places: Iterable[BucketCache], step: Step, planned: Planned, buckets: int, known: Known
) -> dict[str, bytes] | None:
    """A bucket's files from a cache; None when they are missing, damaged or another bucket's."""
    for cache in places:
        found = cache.get_noted(planned.key, _names(step))
        if found is None:
            continue
        files, note = found
        # Files of these hashes that were looked into before are the bucket's still.
        name = sha256_hex(canonical_json(["fits", planned.key, planned.members, note]).encode())
        if known.recall(name) is not None:
            return files
        if not misfit(step, planned, buckets, files):
            known.learn(name, [])
            return files
    return None


def summarise(step: Step, params: Params, project: Path) -> Summary:
    """Count the step's items and rejects.

    Raises HeadwaterError when more than ``max_reject_rate`` of the items were rejected.
    """
    items = 0
    reasons: Counter[str] = Counter()
    for path in sorted((project / "data" / step.outputs[0].name).glob("bucket-*.parquet")):
        items += row_count(path)
    for path in sorted((project / "data" / step.rejects.name).glob("bucket-*.parquet")):
        if row_count(path):
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
