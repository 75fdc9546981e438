"""A place that cannot be written is named in one sentence."""

import errno
import os
from pathlib import Path

import pytest

from headwater.errors import HeadwaterError
from headwater.upkeep.places import check_name, check_writable, refusal


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "inside")
    assert list((tmp_path / "new").rglob("*")) == [tmp_path / "new" / "inside"]


@pytest.mark.fault("a folder that cannot be written is one sentence, before anything runs")
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HeadwaterError, match=f"^{tmp_path / 'file'}: File exists"):
        check_writable(tmp_path / "file")


@pytest.mark.fault("a folder that cannot be written is one sentence, before anything runs")
@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "; free some space there and run again"),
        (errno.EROFS, "; give this user the right to write there and run again"),
        (errno.EACCES, "; give this user the right to write there and run again"),
        (errno.EIO, ""),
    ],
)
def test_refusal_names_path_reason_and_remedy(number: int, remedy: str) -> None:
    said = refusal(OSError(number, os.strerror(number), "data/x"))
    assert said == f"data/x: {os.strerror(number)}{remedy}"


def test_a_path_that_dvc_cannot_work_in_is_refused() -> None:
    check_name(Path("/a $b %c #d 'e' \"f\"\ng"))
    with pytest.raises(HeadwaterError, match=r"holds '\{'; move or rename it"):
        check_name(Path("/a/{y}/b"))
