"""Checks between the tables of a build: identities, splits, buckets and accounts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import gcd
from pathlib import Path

from headwater.artifacts.evaluate_schemas import PICTURES, SCORES
from headwater.artifacts.file_checks import schema_of
from headwater.artifacts.schemas import STEPS
from headwater.artifacts.tables import read_bucket

MAX_BUCKETS = 999

# Every item of the tables on the right is in the table on the left, or among its step's rejects. No
# other is, but for those made from such an item: the further faces of a photo.
ACCOUNTS = {
    "ingest/frames": ("photos/photos", "synthesize/frames"),
    "landmarks/landmarks": ("ingest/frames",),
    "masks/masks": ("ingest/frames",),
    "parts/parts": ("landmarks/landmarks",),
    "cameras/cameras": ("landmarks/landmarks",),
    "sdf/samples": ("synthesize/heads",),
}
# Every row of the table on the left was made from a row of the tables on the right.
PARENTS = {
    "synthesize/frames": ("synthesize/heads",),
    "synthesize/truth": ("synthesize/heads",),
    "expressions/frames": ("ingest/frames",),
    "maps/maps": ("synthesize/frames", "ingest/frames"),
}
# Tables of one step that speak about the same items.
TWINS = (("synthesize/frames", "synthesize/truth"),)
# Tables of all systems together; their items contain the system's name.
JUDGED = frozenset({SCORES.name, PICTURES.name})

Finding = tuple[Path, str]


@dataclass(frozen=True)
class Identity:
    """A row, as far as it must agree with others."""

    path: Path
    item: str
    subject: str
    split: str | None
    parent: str | None


Tables = Mapping[str, list[Identity]]


def check_tables(data: Path, files: Iterable[Path]) -> tuple[int, list[Finding]]:
    """Number of rows in the Parquet ``files`` below ``data``, and what their relations break."""
    tables = _read(files)
    findings = [
        *_doubled(tables),
        *_split_twice(tables),
        *_misplaced(tables),
        *_unaccounted(tables, data),
        *_orphans(tables),
        *_untwinned(tables, data),
    ]
    return sum(len(rows) for rows in tables.values()), findings


def _read(files: Iterable[Path]) -> Tables:
    tables: dict[str, list[Identity]] = defaultdict(list)
    for path in files:
        schema = schema_of(path) if path.suffix == ".parquet" else None
        if schema is None:
            continue
        optional = [name for name in ("split", "parent") if name in schema.arrow.names]
        for row in read_bucket(path, schema, ["item", "subject", *optional]).to_pylist():
            tables[schema.name].append(
                Identity(path, row["item"], row["subject"], row.get("split"), row.get("parent"))
            )
    return tables


def _doubled(tables: Tables) -> Iterator[Finding]:
    """An item stands once in its table, and not among the rejects besides."""
    for name, rows in tables.items():
        step, table = name.split("/")
        if step not in STEPS and name not in JUDGED:
            continue
        counts = Counter(row.item for row in rows)
        rejected = set() if table == "rejects" else _items(tables, f"{step}/rejects")
        for row in rows:
            if counts[row.item] > 1:
                yield row.path, f"item {row.item} stands {counts[row.item]} times in {name}"
            elif row.item in rejected:
                yield row.path, f"item {row.item} is in {name} and among the rejects"


def _split_twice(tables: Tables) -> Iterator[Finding]:
    """A subject is in one split, everywhere."""
    first: dict[str, Identity] = {}
    for rows in tables.values():
        for row in rows:
            if row.split is None:
                continue
            known = first.setdefault(row.subject, row)
            if known.split != row.split:
                elsewhere = f"in {known.path} in {known.split}"
                yield row.path, f"subject {row.subject} is in split {row.split}, {elsewhere}"


def _misplaced(tables: Tables) -> Iterator[Finding]:
    """A subject's bucket is its identifier modulo the number of buckets, one number for all."""
    rows = [row for group in tables.values() for row in group if _bucket(row) is not None]
    places = {(int(row.subject, 16), _bucket(row) or 0) for row in rows}
    if not places:
        return
    lowest = max(bucket for _, bucket in places) + 1
    common = gcd(*(subject - bucket for subject, bucket in places))
    if common == 0 or common >= lowest:
        return
    buckets = max(
        range(lowest, MAX_BUCKETS + 1),
        key=lambda n: sum(subject % n == bucket for subject, bucket in places),
    )
    for row in rows:
        if int(row.subject, 16) % buckets != _bucket(row):
            right = int(row.subject, 16) % buckets
            yield row.path, f"subject {row.subject} belongs into bucket {right} of {buckets}"


def _bucket(row: Identity) -> int | None:
    prefix, _, number = row.path.stem.rpartition("-")
    return int(number) if prefix == "bucket" and number.isdigit() else None


def _unaccounted(tables: Tables, data: Path) -> Iterator[Finding]:
    """Items in = items out + rejects."""
    for name, sources in ACCOUNTS.items():
        if name not in tables or not any(source in tables for source in sources):
            continue
        rejects = f"{name.split('/')[0]}/rejects"
        wanted = set().union(*(_items(tables, source) for source in sources))
        done = _items(tables, name) | _items(tables, rejects)
        if lost := sorted(wanted - done):
            yield data / name, f"{len(lost)} items of {', '.join(sources)} are lost, as {lost[0]}"
        made = {row.item for row in tables[name] if row.parent in wanted}
        if extra := sorted(done - wanted - made):
            yield data / name, f"{len(extra)} items are not in {', '.join(sources)}, as {extra[0]}"


def _orphans(tables: Tables) -> Iterator[Finding]:
    for name, sources in PARENTS.items():
        known = set().union(*(_items(tables, source) for source in sources))
        for row in tables.get(name, ()):
            if known and row.parent not in known:
                places = " or ".join(sources)
                yield row.path, f"item {row.item} was made from {row.parent}, not in {places}"


def _untwinned(tables: Tables, data: Path) -> Iterator[Finding]:
    for one, other in TWINS:
        odd = sorted(_items(tables, one) ^ _items(tables, other))
        if odd:
            yield data / other, f"{len(odd)} items are in only one of {one} and {other}: {odd[0]}"


def _items(tables: Tables, name: str) -> set[str]:
    return {row.item for row in tables.get(name, ())}
