"""What a benchmark is asked for makes sense before it measures."""

import argparse
from pathlib import Path

import pytest

from benchmarks.options import record_file, two_or_more


def test_a_file_may_be_new_or_there_and_its_folder_is_made(tmp_path: Path) -> None:
    named = tmp_path / "new" / "figures.json"
    assert record_file(str(named)) == named
    assert list(named.parent.iterdir()) == []
    named.write_text("{}")
    assert record_file(str(named)) == named
    assert named.read_text() == "{}"


def test_a_folder_and_a_place_where_nothing_can_be_written_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for named, said in (
        (tmp_path, "is a folder; name a file"),
        (tmp_path / "file" / "out.json", "file"),
        (Path("/proc/figures.json"), "/proc"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=said):
            record_file(str(named))


def test_intervals_are_of_two_or_more() -> None:
    assert two_or_more("2") == 2
    for given in ("1", "0", "-64", "1.5", "nan", "", "two"):
        with pytest.raises(argparse.ArgumentTypeError, match="no whole number of 2 or more"):
            two_or_more(given)
