"""Batches out of Parquet files: each row once in a pass, whatever the files and the devices."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.artifacts import row_groups as module
from headwater.artifacts import tables
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.schemas import TRUTH
from headwater.artifacts.tables import DamagedTable, Footer
from headwater.errors import HeadwaterError
from headwater.training.batches import ParquetBatches, windows_of
from headwater.training.draws import WHOLE, Share
from tests.training.parquet_files import TOY, write_files

PROJECT = Path(__file__).resolve().parents[2]
FILES = st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=1, max_size=4).filter(
    lambda files: sum(map(sum, files)) > 0
)


def items(batches: ParquetBatches, step: int, share: Share = WHOLE) -> list[int]:
    return [int(item) for item in batches.at(step, share).column("item").to_pylist()]


@given(FILES, st.integers(1, 5), st.integers(1, 3), st.integers(1, 20), st.integers(0, 3))
@settings(max_examples=60)
def test_every_row_occurs_once_in_each_pass(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[int]],
    own: int,
    ranks: int,
    buffer_rows: int,
    seed: int,
) -> None:
    paths = write_files(tmp_path_factory.mktemp("files"), files)
    total, batch = sum(map(sum, files)), own * ranks
    batches = ParquetBatches(paths, TOY, ["item"], batch=batch, seed=seed, buffer_rows=buffer_rows)
    assert len(batches) == total
    seen: list[int] = []
    for step in range(-(-3 * total // batch)):
        shares = [items(batches, step, Share(rank, ranks)) for rank in range(ranks)]
        assert [len(share) for share in shares] == [own] * ranks
        joined = [item for share in shares for item in share]
        assert joined == items(batches, step)
        seen += joined
    for start in range(0, 3 * total, total):
        assert sorted(seen[start : start + total]) == list(range(total))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 30))
def test_windows_hold_no_more_than_the_buffer(sizes: list[int], buffer_rows: int) -> None:
    windows = windows_of(sizes, buffer_rows, np.random.default_rng(0))
    assert sorted(np.concatenate(windows)) == list(range(len(sizes)))
    for window, following in zip(windows, [*windows[1:], None], strict=True):
        rows = sum(sizes[group] for group in window)
        assert rows <= buffer_rows or len(window) == 1
        if following is not None:
            assert rows + sizes[following[0]] > buffer_rows


def read_groups(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The row groups that are read from now on."""
    read: list[tuple[str, int]] = []

    def noted(
        path: Path, schema: TableSchema, footer: Footer, groups: list[int], columns: list[str]
    ) -> object:
        read.extend((path.name, group) for group in groups)
        return tables.read_row_groups(path, schema, footer, groups, columns)

    monkeypatch.setattr(module, "read_row_groups", noted)
    return read


def test_any_step_is_had_by_reading_what_it_lies_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_files(tmp_path, [[8] * 10] * 4)

    def batches() -> ParquetBatches:
        return ParquetBatches(paths, TOY, ["item"], batch=8, seed=1, buffer_rows=32)

    whole = batches()
    steps = [items(whole, step) for step in range(100)]
    read = read_groups(monkeypatch)
    for step in (0, 3, 39, 40, 77, 99):
        read.clear()
        assert items(batches(), step) == steps[step]
        assert len(read) <= 8


def test_a_pass_reads_every_row_group_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_files(tmp_path, [[5, 6, 7], [8], [3, 9]])
    batches = ParquetBatches(paths, TOY, ["item"], batch=4, seed=1, buffer_rows=12)
    read = read_groups(monkeypatch)
    seen = [item for step in range(9) for item in items(batches, step)]
    assert len(set(seen)) == 36
    assert len(read) == len(set(read)) <= 6


def test_rows_are_shuffled_over_files_and_anew_in_each_pass(tmp_path: Path) -> None:
    paths = write_files(tmp_path, [[10] * 4] * 5)
    batches = ParquetBatches(paths, TOY, ["item"], batch=20, seed=1, buffer_rows=40)
    first, second = ([item for s in steps for item in items(batches, s)]
                     for steps in (range(10), range(10, 20)))  # fmt: skip
    assert first != sorted(first)
    assert set(first[:40]) != set(second[:40])
    assert len({item // 40 for item in first[:40]}) > 1
    other = ParquetBatches(paths, TOY, ["item"], batch=20, seed=2, buffer_rows=40)
    assert items(other, 0) != items(batches, 0)


def test_rows_of_one_split_alone(tmp_path: Path) -> None:
    splits = ["train" if number % 3 else "test" for number in range(40)]
    paths = write_files(tmp_path, [[10, 10], [20]], splits)
    batches = ParquetBatches(paths, TOY, ["item"], batch=13, seed=1, split="train")
    assert len(batches) == 26
    seen = sorted(items(batches, 0) + items(batches, 1))
    assert seen == [number for number in range(40) if number % 3]
    assert batches.at(0).column_names == ["item"]
    with pytest.raises(HeadwaterError, match="toy/rows: no row of the split 'validation'"):
        ParquetBatches(paths, TOY, ["item"], batch=1, seed=1, split="validation")


def test_pictures_stay_with_their_rows(tmp_path: Path) -> None:
    paths = write_files(tmp_path, [[10, 7], [20]])
    batches = ParquetBatches(paths, TOY, ["item", "picture"], batch=37, seed=1, buffer_rows=18)
    pictures = {
        item: np.random.default_rng(start).bytes(size * 4)[4 * place : 4 * place + 4]
        for start, size in ((0, 10), (10, 7), (17, 20))
        for place, item in enumerate(range(start, start + size))
    }
    for row in batches.at(0).to_pylist():
        assert row["picture"] == pictures[int(row["item"])]


def test_a_table_many_times_larger_than_the_buffer_stays_on_disk(tmp_path: Path) -> None:
    """96 MB of incompressible pictures through windows of 4 MB."""
    write_files(tmp_path, [[64] * 6] * 4, picture=64_000)
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.memory_of_batches", str(tmp_path), "64"],
        capture_output=True, text=True, check=True, cwd=PROJECT,
    )  # fmt: skip
    rows, most = map(int, done.stdout.split())
    assert rows == 4 * 6 * 64
    # Two windows, one of them read just now in its pages and in its column, and a batch; beside the
    # pictures there are ids and headers of pages, far less than one more picture.
    assert most < (4 * 64 + 1) * 64_000


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    paths = write_files(tmp_path, [[64], [64]], picture=1000)
    data = bytearray(paths[1].read_bytes())
    data[len(data) // 2] ^= 4
    paths[1].write_bytes(bytes(data))
    batches = ParquetBatches(paths, TOY, ["item", "picture"], batch=128, seed=1)
    with pytest.raises(DamagedTable, match=r"bucket-001\.parquet: cannot be read"):
        batches.at(0)
    paths[1].write_bytes(bytes(data[:100]))
    with pytest.raises(DamagedTable, match=r"bucket-001\.parquet: cannot be read"):
        ParquetBatches(paths, TOY, ["item"], batch=8, seed=1)


def test_a_file_that_changed_meanwhile_is_named(tmp_path: Path) -> None:
    paths = write_files(tmp_path, [[64], [64]])
    batches = ParquetBatches(paths, TOY, ["item"], batch=128, seed=1)
    write_files(tmp_path, [[64], [63]])
    with pytest.raises(DamagedTable, match=r"bucket-001\.parquet: changed"):
        batches.at(0)


def test_another_table_is_refused(tmp_path: Path) -> None:
    paths = write_files(tmp_path, [[4]])
    with pytest.raises(DamagedTable, match=r"headwater\.table is toy/rows"):
        ParquetBatches(paths, TRUTH, ["item"], batch=1, seed=1, split="train")
