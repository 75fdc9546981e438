"""The outcome of every photo: one row each, safe in a spreadsheet, with totals that add up."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from headwater.reconstruct.names import MAX_BYTES, FolderNames, safe_name
from headwater.reconstruct.summary import (
    COLUMNS,
    Outcome,
    Status,
    counts,
    summary_csv,
    summary_table,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
OUTCOMES = st.lists(
    st.builds(
        Outcome,
        name=TEXTS,
        sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
        status=st.sampled_from(list(Status)),
        folder=TEXTS,
        error_percent=st.none() | st.floats(0, 100),
        faces_found=st.none() | st.integers(0, 99),
        reason=st.sampled_from(["", "no_face", "truncated"]),
        message=TEXTS,
    ),
    max_size=6,
)


@given(OUTCOMES)
def test_every_photo_is_a_row_that_reads_back(outcomes: list[Outcome]) -> None:
    rows = list(csv.reader(io.StringIO(summary_csv(outcomes))))
    assert rows[0] == list(COLUMNS)
    assert len(rows) == 1 + len(outcomes)
    for row, one in zip(rows[1:], outcomes, strict=True):
        cells = dict(zip(COLUMNS, row, strict=True))
        assert cells["photo"].removeprefix("'") == one.name.removeprefix("'")
        assert cells["status"] == one.status
        assert cells["sha256"] == one.sha256
        if one.error_percent is not None:
            assert float(cells["landmark_error_percent"]) == pytest.approx(
                one.error_percent, abs=5e-4
            )
        for name in ("photo", "folder", "message"):
            assert not cells[name].startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_no_cell_is_a_formula(first: str) -> None:
    one = Outcome(f"{first}1.jpg", "0" * 64, Status.REJECTED, message=f"{first}2")
    row = list(csv.reader(io.StringIO(summary_csv([one]))))[1]
    assert (row[0], row[COLUMNS.index("message")]) == (f"'{first}1.jpg", f"'{first}2")


@given(OUTCOMES)
def test_totals_add_up(outcomes: list[Outcome]) -> None:
    text = counts(outcomes)
    done = sum(one.status == Status.DONE for one in outcomes)
    assert text.startswith(f"{done} of {len(outcomes)} reconstructed")
    repeated = sum(one.status == Status.REPEATED for one in outcomes)
    assert (f"{repeated} duplicate" in text) == bool(repeated)
    rejected = sum(one.status == Status.REJECTED for one in outcomes)
    assert (f"{rejected} rejected" in text) == bool(rejected)


def test_the_table_shows_folders_of_heads_and_reasons_of_rejects() -> None:
    done = Outcome("[bold]a.jpg", "0" * 64, Status.DONE, "a", 2.34)
    rejected = Outcome("b.jpg", "1" * 64, Status.REJECTED, reason="no_face", message="No face.")
    console = Console(file=io.StringIO(), width=120)
    console.print(summary_table([done, rejected]))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[1].split() == ["[bold]a.jpg", "reconstructed", "2.3", "a"]
    assert lines[2].split() == ["b.jpg", "rejected", "no_face"]


@given(st.text(max_size=300))
def test_a_folders_name_is_safe_on_every_file_system(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert len(safe.encode()) <= MAX_BYTES + len("-photo")
    assert not set(safe) & set('/\\:*?"<>|\0')
    assert safe[0] not in "-."
    assert safe[-1] not in "-."
    assert safe_name(safe + ".png") == safe


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("trip/day 1/me.jpg", "trip-day-1-me"),
        ("CON.png", "CON-photo"),
        ("com1.tar.gz", "com1.tar-photo"),
        ("....", "photo"),
        ("  ..  .jpg", "photo"),
        ("e\u0301te\u0301.jpg", "\u00e9t\u00e9"),
    ],
)
def test_names_of_folders(name: str, folder: str) -> None:
    assert safe_name(name) == folder


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a.jpg", "A.png", "a.webp", "b/a.jpg", "-a-.jpg", "other.jpg"]),
            st.integers(0, 3),
        ),
        max_size=12,
    )
)
def test_no_two_heads_share_a_folder(photos: list[tuple[str, int]]) -> None:
    names = FolderNames(Path("/nonexistent"))
    taken = [names.take(name, f"{number:064x}") for name, number in photos]
    assert len({name.casefold() for name in taken}) == len(taken)


def test_a_folder_of_the_same_photo_is_used_again_and_one_of_another_is_not(
    tmp_path: Path,
) -> None:
    for name, sha256 in (("same", "a" * 64), ("other", "b" * 64)):
        (tmp_path / name).mkdir()
        record = {"views": [{"sha256": sha256}]}
        (tmp_path / name / "camera.json").write_text(json.dumps(record))
    names = FolderNames(tmp_path)
    assert names.take("same.jpg", "a" * 64) == "same"
    assert names.take("other.jpg", "a" * 64) == "other-aaaaaaaa"
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "camera.json").write_text("[]")
    assert names.take("odd.jpg", "c" * 64) == "odd-cccccccc"
