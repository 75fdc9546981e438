"""The page on 10 million photos is what follows from the measured figures."""

from pathlib import Path

import pytest

from benchmarks.run import RESULTS
from benchmarks.scale import (
    BUCKETS,
    FRAMES_TABLE,
    PAGE,
    PHOTOS_TABLE,
    SIZES,
    WORKER_BYTES,
    PerPhoto,
    cores_of_a_night,
    cores_of_the_network,
    fitting,
    measured,
    number,
    page,
)
from benchmarks.storage import tables_of
from tests.artifacts.small_build import build

ROUND = PerPhoto(
    file=100e3,
    tables={PHOTOS_TABLE: 100e3, FRAMES_TABLE: 300e3, "masks/masks": 100e3},
    seconds=0.1,
    machine="a processor",
)


def test_the_page_is_that_of_the_measured_figures() -> None:
    """``python -m benchmarks.scale`` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page(measured(RESULTS))


def test_figures_of_many_are_products_of_those_of_one() -> None:
    text = page(ROUND)
    assert "| all tables | 500 |" in text
    assert "| tables, GB | 5 | 500 | 5,000 |" in text
    # 2,000 kB each: its file, two tables of pictures, and three times all tables.
    assert "| between workers and a shared folder, GB at least | 20 | 2,000 | 20,000 |" in text
    assert "| one core's time, hours | 0.28 | 28 | 280 |" in text
    assert "| photos in a bucket | 620,000 | 10,000 |" in text
    # 400 kB each: the photo and its frame.
    assert "| memory of a worker, GB at least | 250 | 4 |" in text
    assert "| photos that workers of 8 GB bear, at most | 320,000 | 20,000,000 |" in text


def test_what_the_page_says_gives_first_does() -> None:
    one = measured(RESULTS)
    default, most = (fitting(one, buckets) for buckets in BUCKETS)
    assert default < SIZES[1] < SIZES[2] < most
    assert cores_of_the_network(one) < cores_of_a_night(one, SIZES[-1])
    assert fitting(one, 1) * one.held == WORKER_BYTES


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00284, "0.0028"), (9.96, "10"), (12_345, "12,000"), (2.84e7, "28,000,000")],
)
def test_numbers_have_two_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_every_file_of_a_table_is_weighed(tmp_path: Path) -> None:
    build(tmp_path / "data")
    sizes = tables_of(tmp_path)
    folder = tmp_path / "data" / "ingest" / "frames"
    assert sizes[FRAMES_TABLE] == sum(path.stat().st_size for path in folder.iterdir()) > 0
    assert PHOTOS_TABLE in sizes
    assert not any("rejects" in name for name in sizes)
