"""A table as a torch data set: each row once in an epoch, and resumed exactly."""

import itertools
import os
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from headwater.artifacts import row_groups, schemas
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import item_id
from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.meshes import from_ply
from headwater.artifacts.tables import DamagedTable, Footer, bucket_file, read_table
from headwater.data import TorchDataset
from headwater.errors import HeadwaterError
from tests.artifacts.small_build import build, head_mesh, row_of

PROJECT = Path(__file__).resolve().parents[2]
FILES = st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=1, max_size=4).filter(
    lambda files: sum(map(sum, files)) > 0
)
MASK = row_of(schemas.MASKS, "", "")


def write_masks(
    folder: Path, files: Sequence[Sequence[int]], splits: Sequence[str] = (), side: int = 0
) -> Path:
    """A table of row groups of so many rows each; ``source_sha256`` counts its rows.

    side: of masks of noise, px; 0 for one and the same small picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    schema, number = schemas.MASKS.arrow, 0
    for place, sizes in enumerate(files):
        path = folder / bucket_file(place)
        with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as out:
            for size in sizes:
                rows = []
                for _ in range(size):
                    item = item_id(number)
                    row = {**MASK, "item": item, "subject": item, "source_sha256": str(number)}
                    if side:
                        noise = np.random.default_rng(number).integers(0, 256, (side, side))
                        row["mask"] = encode_png(noise.astype(np.uint8), "mask")
                    rows.append(row | ({"split": splits[number]} if splits else {}))
                    number += 1
                if rows:
                    out.write_table(pa.Table.from_pylist(rows, schema=schema))
    return folder


def dataset_of(folder: Path, **options: Any) -> TorchDataset:
    return TorchDataset(folder, ["source_sha256"], **options)


def numbers(batches: Any) -> list[int]:
    """Numbers of the rows that a data set or its loader gives."""
    values = [batch["source_sha256"] for batch in batches]
    return [int(one) for value in values for one in ([value] if isinstance(value, str) else value)]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@given(FILES, st.integers(1, 4), st.integers(0, 3), st.integers(1, 20), st.integers(0, 3))
@settings(max_examples=25)
def test_every_row_occurs_once_in_an_epoch(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[int]],
    ranks: int,
    workers: int,
    buffer_rows: int,
    epoch: int,
) -> None:
    folder = write_masks(tmp_path_factory.mktemp("files"), files)
    total, parts = sum(map(sum, files)), []
    for rank in range(ranks):
        dataset = dataset_of(folder, rank=rank, ranks=ranks, buffer_rows=buffer_rows, seed=3)
        dataset.set_epoch(epoch)
        parts.append(numbers(DataLoader(dataset, batch_size=3, num_workers=workers)))
        assert len(parts[-1]) == dataset.rows
    assert sorted(itertools.chain(*parts)) == list(range(total))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(FILES, st.integers(1, 3), st.integers(1, 20), st.data())
@settings(max_examples=60)
def test_a_state_is_followed_by_the_rest_of_its_epoch(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[int]],
    ranks: int,
    buffer_rows: int,
    data: st.DataObject,
) -> None:
    folder = write_masks(tmp_path_factory.mktemp("files"), files)

    def fresh(rank: int) -> TorchDataset:
        return dataset_of(folder, rank=rank, ranks=ranks, buffer_rows=buffer_rows)

    dataset = fresh(ranks - 1)
    dataset.set_epoch(2)
    whole = numbers(dataset)
    stop = data.draw(st.integers(0, dataset.rows))
    dataset.set_epoch(2)
    assert numbers(itertools.islice(dataset, stop)) == whole[:stop]
    resumed = fresh(ranks - 1)
    resumed.load_state_dict(dataset.state_dict())
    assert numbers(resumed) == whole[stop:]
    assert numbers(resumed) == whole


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_goes_on_where_it_was_stopped(tmp_path: Path, workers: int) -> None:
    folder = write_masks(tmp_path, [[7, 5], [9], [3, 8]])

    def loader() -> StatefulDataLoader:
        dataset = dataset_of(folder, buffer_rows=10, seed=5)
        return StatefulDataLoader(dataset, batch_size=4, num_workers=workers)

    whole = [numbers([batch]) for batch in loader()]
    assert sorted(itertools.chain(*whole)) == list(range(32))
    for stop in (1, 3, len(whole) - 1):
        stopped, resumed = loader(), loader()
        assert [numbers([one]) for one in itertools.islice(stopped, stop)] == whole[:stop]
        resumed.load_state_dict(stopped.state_dict())
        assert [numbers([one]) for one in resumed] == whole[stop:]


def test_the_state_of_rows_that_workers_gave_is_not_made_up(tmp_path: Path) -> None:
    dataset = dataset_of(write_masks(tmp_path, [[7, 5]]))
    next(iter(DataLoader(dataset, batch_size=2, num_workers=1)))
    with pytest.raises(HeadwaterError, match="StatefulDataLoader"):
        dataset.state_dict()


def test_a_state_of_another_order_is_refused(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "one", [[7, 5]])
    state = dataset_of(folder).state_dict()
    dataset_of(folder).load_state_dict(state)
    others = (
        dataset_of(folder, seed=1),
        dataset_of(folder, ranks=2),
        dataset_of(folder, buffer_rows=5),
        dataset_of(write_masks(tmp_path / "two", [[7, 6]])),
    )
    for other in others:
        with pytest.raises(HeadwaterError, match="rows come in another order"):
            other.load_state_dict(state)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_state_without_workers_is_not_taken_for_theirs(tmp_path: Path, workers: int) -> None:
    folder = write_masks(tmp_path, [[7, 5]])
    dataset = dataset_of(folder)
    next(iter(dataset))
    resumed = dataset_of(folder)
    resumed.load_state_dict(dataset.state_dict())
    with pytest.raises(HeadwaterError, match="rows come in another order") as refused:
        numbers(DataLoader(resumed, batch_size=2, num_workers=workers))
    # Left to the garbage collector, torch waits five seconds for each worker.
    traceback.clear_frames(refused.tb)


def test_rows_are_shuffled_over_files_and_anew_in_each_epoch(tmp_path: Path) -> None:
    dataset = dataset_of(write_masks(tmp_path, [[10] * 4] * 5), buffer_rows=40)
    first = numbers(dataset)
    assert first == numbers(dataset) != sorted(first)
    assert len({number // 40 for number in first[:40]}) > 1
    dataset.set_epoch(1)
    second = numbers(dataset)
    assert set(first[:40]) != set(second[:40])
    assert sorted(first) == sorted(second)
    assert numbers(dataset_of(tmp_path, seed=1, buffer_rows=40)) != first


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_threads_that_decode_ahead_change_no_order(
    tmp_path: Path, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = threading.active_count()
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(cores))
    dataset = dataset_of(write_masks(tmp_path, [[10] * 4] * 2), buffer_rows=16)
    by_worker = numbers(DataLoader(dataset, batch_size=4, num_workers=1))
    rows = iter(dataset_of(tmp_path, buffer_rows=16))
    first = next(rows)
    # Of 64 cores, four decode; one thread reads the next window.
    assert threading.active_count() <= before + min(cores, 4) + 1
    assert numbers([first, *rows]) == by_worker


def test_persistent_workers_see_the_epoch(tmp_path: Path) -> None:
    dataset = dataset_of(write_masks(tmp_path, [[10] * 4]))
    loader = DataLoader(dataset, batch_size=4, num_workers=2, persistent_workers=True)
    first = numbers(loader)
    assert numbers(loader) == first
    dataset.set_epoch(1)
    second = numbers(loader)
    assert second != first
    assert sorted(second) == sorted(first)


def test_rows_of_one_split_alone(tmp_path: Path) -> None:
    splits = ["train" if number % 3 else "test" for number in range(40)]
    folder = write_masks(tmp_path, [[10, 10], [20]], splits)
    dataset = dataset_of(folder, split="test")
    assert dataset.rows == 14
    assert sorted(numbers(dataset)) == list(range(0, 40, 3))
    with pytest.raises(HeadwaterError, match="no row of the split 'validation'"):
        dataset_of(folder, split="validation")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """The row groups that are read."""
    taken: list[tuple[str, int]] = []
    known = row_groups.read_row_groups

    def noted(
        path: Path, schema: TableSchema, footer: Footer, groups: Sequence[int], columns: list[str]
    ) -> pa.Table:
        # All identifiers are read at first.
        if columns != ["item"]:
            taken.extend((path.name, group) for group in groups)
        return known(path, schema, footer, groups, columns)

    monkeypatch.setattr(row_groups, "read_row_groups", noted)
    return taken


def test_ranks_share_the_reading_and_a_resumed_one_skips_it(
    tmp_path: Path, read: list[tuple[str, int]]
) -> None:
    folder = write_masks(tmp_path, [[8] * 10] * 4)
    for rank in range(4):
        numbers(dataset_of(folder, rank=rank, ranks=4, buffer_rows=32))
    assert len(read) == len(set(read)) == 40
    whole, rest = dataset_of(folder, buffer_rows=32), dataset_of(folder, buffer_rows=32)
    numbers(itertools.islice(whole, 300))
    read.clear()
    rest.load_state_dict(whole.state_dict())
    assert len(numbers(rest)) == 20
    assert len(read) == 4


@pytest.mark.slow
def test_a_table_many_times_larger_than_the_buffer_stays_on_disk(tmp_path: Path) -> None:
    """50 MB of pictures of noise through windows of 2 MB."""
    folder = write_masks(tmp_path, [[32] * 6] * 4, side=256)
    done = subprocess.run(
        [sys.executable, "-m", "tests.data.memory_of_rows", str(folder), "32"],
        capture_output=True, text=True, check=True, cwd=PROJECT,
    )  # fmt: skip
    rows, most = map(int, done.stdout.split())
    assert rows == 4 * 6 * 32
    # A window, the next one, and pages and column of what is just read.
    assert most < 5 * 32 * 256 * 256 + 2**20


def test_values_are_those_of_the_table(tmp_path: Path) -> None:
    build(tmp_path)
    truth = {row["item"]: row for row in read_table(tmp_path, schemas.TRUTH).to_pylist()}
    columns = ["item", "view", "parent", "landmarks_68_px", "intrinsics", "mask", "depth"]
    rows = list(TorchDataset(tmp_path / "synthesize" / "truth", columns))
    assert len(rows) == len(truth) == 3
    for row in rows:
        known = truth[row["item"]]
        assert (row["view"], row["parent"]) == (known["view"], known["parent"])
        assert row["landmarks_68_px"].shape == (68, 2)
        assert row["landmarks_68_px"].flatten().tolist() == known["landmarks_68_px"]
        assert row["intrinsics"].dtype == torch.float64
        assert row["intrinsics"].shape == (3, 3)
        for name in ("mask", "depth"):
            np.testing.assert_array_equal(row[name][0].numpy(), decode_png(known[name]))
    [photo] = itertools.islice(TorchDataset(tmp_path / "photos" / "photos", ["image"]), 1)
    assert photo["image"].shape == (3, 24, 24)
    assert photo["image"].dtype == torch.uint8
    assert photo["image"].is_contiguous()
    [head] = itertools.islice(TorchDataset(tmp_path / "synthesize" / "heads", ["mesh"]), 1)
    vertices, faces = head_mesh()
    np.testing.assert_allclose(head["mesh"]["vertices"].numpy(), vertices, atol=1e-4)
    np.testing.assert_array_equal(head["mesh"]["faces"].numpy(), faces)
    samples = next(iter(TorchDataset(tmp_path / "sdf" / "samples", ["points_mm", "near_surface"])))
    assert samples["points_mm"].shape == (5, 3)
    assert samples["near_surface"].dtype == torch.bool


def test_depth_of_16_bits_is_whole(tmp_path: Path) -> None:
    depth = np.array([[0, 1, 65_535], [40_000, 256, 255]], np.uint16)
    row = row_of(schemas.TRUTH, "0" * 32, "0" * 32, depth=encode_png(depth, "depth"))
    path = tmp_path / "truth.parquet"
    pq.write_table(pa.Table.from_pylist([row], schema=schemas.TRUTH.arrow), path,
                   write_page_checksum=True)  # fmt: skip
    [given_row] = TorchDataset(path, ["depth"])
    np.testing.assert_array_equal(given_row["depth"][0].numpy(), depth)


@pytest.mark.parametrize(
    ("folder", "columns", "options", "words"),
    [
        ("masks/none", ["item"], {}, "no table here"),
        ("masks/masks", ["depth"], {}, "masks/masks: has no column 'depth'"),
        ("masks/rejects", ["item"], {"split": "test"}, "masks/rejects: has no column 'split'"),
        ("masks/masks", ["item"], {"rank": 2, "ranks": 2}, "rank 2 of 2"),
        ("masks/masks", ["item", "item"], {}, "one is named twice"),
        ("masks/masks", ["item"], {"seed": -1}, "seed -1"),
        ("masks/masks", ["item"], {"buffer_rows": 0}, "buffer_rows 0"),
    ],
)
def test_what_cannot_be_given_is_named(
    tmp_path: Path, folder: str, columns: list[str], options: dict[str, Any], words: str
) -> None:
    build(tmp_path)
    with pytest.raises(HeadwaterError, match=words):
        TorchDataset(tmp_path / folder, columns, **options)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, [[40], [40]], side=64)
    path = folder / bucket_file(1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedTable, match=r"bucket-001\.parquet"):
        list(TorchDataset(folder, schemas.MASKS.arrow.names))
    path.write_bytes(b"no table")
    with pytest.raises(DamagedTable, match=r"bucket-001\.parquet"):
        dataset_of(folder)
    rows = [{**MASK, "item": "a", "mask": {"bytes": b"no picture", "path": "mask.png"}}]
    table = pa.Table.from_pylist(rows, schema=schemas.MASKS.arrow)
    pq.write_table(table, path, write_page_checksum=True)
    with pytest.raises(DamagedTable, match=r"bucket-001\.parquet: row 0 .* cannot be decoded"):
        list(TorchDataset(path, ["mask"]))


def test_a_pipe_among_the_files_is_not_waited_for(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, [[40], [40]], side=64)
    (folder / bucket_file(1)).unlink()
    os.mkfifo(folder / bucket_file(1))
    with pytest.raises(DamagedTable, match=r"bucket-001\.parquet: is not a file"):
        dataset_of(folder)


def test_a_copy_of_a_file_among_the_files_is_named(tmp_path: Path) -> None:
    folder = write_masks(tmp_path, [[40], [30, 5], [20]], ["train"] * 75 + ["test"] * 20)
    shutil.copy(folder / bucket_file(1), folder / bucket_file(7))
    words = r"item \w{32} stands twice, in bucket-001\.parquet and bucket-007\.parquet; rebuild"
    for split in (None, "train"):
        with pytest.raises(DamagedTable, match=words):
            dataset_of(folder, split=split)
    assert dataset_of(folder, split="test").rows == 20


def test_an_item_that_stands_twice_in_a_file_is_named(tmp_path: Path) -> None:
    rows = [{**MASK, "item": item} for item in "aba"]
    path = tmp_path / bucket_file(0)
    pq.write_table(pa.Table.from_pylist(rows, schema=schemas.MASKS.arrow), path)
    with pytest.raises(DamagedTable, match=r"item a stands twice, in bucket-000\.parquet;"):
        dataset_of(path)


def test_another_parquet_file_is_no_table_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"item": ["a"]}), path)
    with pytest.raises(HeadwaterError, match="is no table that this version knows"):
        TorchDataset(path, ["item"])


def test_meshes_are_those_of_the_table_after_workers(tmp_path: Path) -> None:
    build(tmp_path)
    dataset = TorchDataset(tmp_path / "synthesize" / "heads", ["item", "mesh"])
    heads = {row["item"]: row for row in read_table(tmp_path, schemas.HEADS).to_pylist()}
    [batch] = DataLoader(dataset, batch_size=3, num_workers=1)
    for item, vertices in zip(batch["item"], batch["mesh"]["vertices"], strict=True):
        known, _ = from_ply(heads[item]["mesh"]["bytes"], item)
        np.testing.assert_array_equal(vertices.numpy(), known)
