"""``python -m benchmarks.scale``: what 10 million photos take, computed from what one takes.

Writes ``docs/scale.md``. Nothing of that size was built: every number is a product of figures in
``benchmarks/results`` and of the assumptions below.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.run import RESULTS
from benchmarks.timing import digits
from headwater.artifacts.atomic import write_text

TEMPLATE: Final = Path(__file__).with_suffix(".md")
PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
SIZES: Final = (10_000, 1_000_000, 10_000_000)
# As params.yaml comes, and the most that it takes.
BUCKETS: Final = (16, 999)
PHOTOS_TABLE, FRAMES_TABLE = "photos/photos", "ingest/frames"

# Assumptions: of the machines, the network and prices. Put yours here and run it again.
NIGHT_HOURS = 8.0
WORKER_BYTES = 8e9
NETWORK_BYTES = 1e9 / 8
DOLLARS_PER_CORE_HOUR = 0.05
DOLLARS_PER_GB_MONTH = 0.023


@dataclass(frozen=True)
class PerPhoto:
    """Measured of one photo: bytes of its file and of each table, and seconds of a core."""

    file: float
    tables: dict[str, float]
    seconds: float
    machine: str

    @property
    def stored(self) -> float:
        """Bytes in all tables of the photo steps."""
        return sum(self.tables.values())

    @property
    def moved(self) -> float:
        """Bytes between a worker and a shared folder, at least.

        The file and both tables of pictures are read, and every table is written into the cache,
        read from there and written into the data.
        """
        return self.file + self._pictures + 3 * self.stored

    @property
    def held(self) -> float:
        """Bytes in memory in the step ingest, at least: the pictures that it reads and makes."""
        return self._pictures

    @property
    def _pictures(self) -> float:
        return self.tables[PHOTOS_TABLE] + self.tables[FRAMES_TABLE]


def measured(results: Path) -> PerPhoto:
    """The figures of a photo in a folder of results."""
    storage, photos = (_record(results, name) for name in ("storage", "photos"))
    sizes = {
        name.removeprefix("bytes of a photo, "): 1000 * figure["median"]
        for name, figure in storage["figures"].items()
    }
    file = sizes.pop("its file")
    rate = photos["figures"]["our steps on one core"]["median"]
    return PerPhoto(file, sizes, 1 / rate, photos["machine"]["processor"])


def _record(results: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((results / f"{name}.json").read_text(encoding="utf-8")))


def fitting(one: PerPhoto, buckets: int) -> float:
    """Photos until a worker cannot hold a bucket."""
    return buckets * WORKER_BYTES / one.held


def cores_of_a_night(one: PerPhoto, photos: int) -> float:
    """Cores that compute the photo steps of all photos in a night."""
    return photos * one.seconds / (3600 * NIGHT_HOURS)


def cores_of_the_network(one: PerPhoto) -> float:
    """Cores whose reading and writing fills the network."""
    return NETWORK_BYTES * one.seconds / one.moved


def page(one: PerPhoto) -> str:
    """The page in Markdown."""
    sizes = {"its file": one.file, **{f"`{name}`": size for name, size in one.tables.items()}}
    sizes["all tables"] = one.stored
    default, largest = (number(fitting(one, buckets)) for buckets in BUCKETS)
    return TEMPLATE.read_text(encoding="utf-8").format(
        machine=one.machine,
        sizes=_table(["of a photo", "kB"], {name: [size / 1e3] for name, size in sizes.items()}),
        seconds=number(one.seconds),
        by_size=_table(["photos", *(f"{photos:,}" for photos in SIZES)], _by_size(one)),
        by_buckets=_table(
            [f"of {SIZES[-1]:,} photos", *(f"`buckets: {buckets}`" for buckets in BUCKETS)],
            _by_buckets(one, SIZES[-1]),
        ),
        most=f"{SIZES[-1]:,}",
        worker=f"{WORKER_BYTES / 1e9:g}",
        default=default,
        largest=largest,
        cores=number(cores_of_the_network(one)),
        night=number(cores_of_a_night(one, SIZES[-1])),
    )


def _by_size(one: PerPhoto) -> dict[str, list[float]]:
    """Storage, time and cost of numbers of photos, by name."""
    hours, stored = one.seconds / 3600, one.file + one.stored
    each = {
        "their files, GB": one.file / 1e9,
        "tables, GB": one.stored / 1e9,
        "one core's time, hours": hours,
        f"cores for a night of {NIGHT_HOURS:g} hours": hours / NIGHT_HOURS,
        "between workers and a shared folder, GB at least": one.moved / 1e9,
        "hours of that at 1 Gbit/s": one.moved / NETWORK_BYTES / 3600,
        "hours to push or pull the tables at 1 Gbit/s": one.stored / NETWORK_BYTES / 3600,
        f"computing once, $ ({DOLLARS_PER_CORE_HOUR:g} an hour of a core)": (
            hours * DOLLARS_PER_CORE_HOUR
        ),
        f"a month of files and tables, $ ({DOLLARS_PER_GB_MONTH:g} a GB)": (
            stored / 1e9 * DOLLARS_PER_GB_MONTH
        ),
    }
    return {name: [photos * share for photos in SIZES] for name, share in each.items()}


def _by_buckets(one: PerPhoto, photos: int) -> dict[str, list[float]]:
    """Figures of so many photos that depend on the number of buckets, by name."""
    each = {
        "photos in a bucket": 1,
        "memory of a worker, GB at least": one.held / 1e9,
        "one photo more: minutes of a core": one.seconds / 60,
        "one photo more: MB pushed": one.stored / 1e6,
    }
    rows = {name: [photos / buckets * share for buckets in BUCKETS] for name, share in each.items()}
    fits = [fitting(one, buckets) for buckets in BUCKETS]
    return {**rows, f"photos that workers of {WORKER_BYTES / 1e9:g} GB bear, at most": fits}


def number(value: float) -> str:
    """Two digits of a number, with commas."""
    short = digits(value, 2)
    return f"{short:,.0f}" if short >= 10 else f"{short:g}"


def _table(head: list[str], rows: dict[str, list[float]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    lines += [[name, *map(number, values)] for name, values in rows.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Write the page."""
    write_text(PAGE, page(measured(RESULTS)))


if __name__ == "__main__":
    main()
