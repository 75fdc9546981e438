"""Pictures per second into training: our table beside a webdataset tar and a folder of files.

All three hold the same PNG bytes and give the same tensors, shuffled, in batches of one DataLoader.
"""

import io
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.outcome import Figure, Outcome
from benchmarks.photo_set import HEADS, SEED, variant
from benchmarks.timing import Spread, ratio, take_turns
from headwater.artifacts.ids import bucket_of, item_id, sha256_hex
from headwater.artifacts.images import decode_picture, encode_png
from headwater.artifacts.schemas import SYNTHETIC_FRAMES
from headwater.artifacts.tables import Row, bucket_file, to_table, write_bucket
from headwater.data import TorchDataset
from headwater.photos.builtin import PORTRAITS

ROUNDS = 5
PICTURES, SIDE_PX, SHARDS, BATCH, BUFFER_ROWS = 2048, 256, 16, 32, 256
TABLE, TAR, FOLDER = "our table", "webdataset tar", "folder of files"

CONDITIONS = {
    "pictures": (
        f"{PICTURES} crops of the two built-in portraits, {SIDE_PX} x {SIDE_PX} px, as PNG; read "
        "many times before, so that all lie in the system's memory"
    ),
    TABLE: (
        f"TorchDataset over {SHARDS} files, every page's checksum verified; without workers it "
        "decodes in as many threads as there are cores, at most four"
    ),
    TAR: f"the package webdataset over {SHARDS} tars, their order and {BUFFER_ROWS} rows shuffled",
    FOLDER: "a Dataset that opens one file for each picture, in random order",
    "processor time": "pictures per second that the processor works, which other work hardly slows",
    "all": (
        "the same bytes through the same decoder (Pillow) to uint8 tensors with their identifiers, "
        f"by torch's DataLoader in batches of {BATCH}; contestants take turns; ours lie in planes, "
        "the others' pixel by pixel, as torchvision's pil_to_tensor gives them"
    ),
}


def write_all(folder: Path) -> None:
    """Write the pictures below ``folder`` as a table, as tars and as files."""
    rows = _rows()
    (folder / "files").mkdir()
    for row in rows:
        (folder / "files" / f"{row['item']}.png").write_bytes(row["image"]["bytes"])
    for bucket in range(SHARDS):
        inside = [row for row in rows if bucket_of(row["subject"], SHARDS) == bucket]
        table = to_table(SYNTHETIC_FRAMES, inside)
        write_bucket(folder / "table" / bucket_file(bucket), SYNTHETIC_FRAMES, table, "")
        with webdataset.TarWriter(str(folder / f"{bucket:03d}.tar")) as tar:
            for row in inside:
                tar.write({"__key__": row["item"], "png": row["image"]["bytes"]})


def _rows() -> list[Row]:
    rng, rows = np.random.default_rng(SEED), []
    for number in range(PICTURES):
        portrait = PORTRAITS[number % len(PORTRAITS)]
        with Image.open(io.BytesIO(portrait.data())) as image:
            crop = variant(image.convert("RGB"), HEADS[portrait.name], (300, 600), rng)
        picture = encode_png(np.asarray(crop.resize((SIDE_PX, SIDE_PX))), "image")
        item = item_id("loading", number)
        origin = {"split": "train", "source": "photo", "licence": "none", "parent": None}
        row = {"item": item, "subject": item, **origin, "source_sha256": sha256_hex(b"")}
        rows.append({**row, "image": picture, "width": SIDE_PX, "height": SIDE_PX})
    return rows


def _pixels(data: bytes) -> Tensor:
    array = decode_picture({"bytes": data, "path": "picture"})
    return torch.from_numpy(array if array.flags.writeable else array.copy()).permute(2, 0, 1)


class _Files(Dataset[tuple[str, Tensor]]):
    """Pictures of a folder by number."""

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(folder.glob("*.png"))

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> tuple[str, Tensor]:
        path = self._paths[number]
        return path.stem, _pixels(path.read_bytes())


def _same(value: str) -> str:
    return value


def _table(folder: Path) -> TorchDataset:
    columns = ["item", "image"]
    return TorchDataset(folder, columns, split="train", seed=1, buffer_rows=BUFFER_ROWS)


def _tars(folder: Path) -> Any:
    tars = [str(path) for path in sorted(folder.glob("*.tar"))]
    dataset = webdataset.WebDataset(tars, shardshuffle=SHARDS, seed=1).shuffle(BUFFER_ROWS)
    return dataset.to_tuple("__key__", "png").map_tuple(_same, _pixels)


def _epoch(dataset: Any, workers: int) -> int:
    """Pictures of an epoch, read in batches."""
    by_number = isinstance(dataset, _Files)
    batches = DataLoader(dataset, BATCH, shuffle=by_number, num_workers=workers)
    return _counted(batch["image"] if isinstance(batch, dict) else batch[1] for batch in batches)


def _counted(batches: Any) -> int:
    """Number of pictures in all batches, which must be those that were written."""
    count = sum(len(images) for images in batches)
    if count != PICTURES:
        raise ValueError(f"{count} pictures were read of {PICTURES}")
    return count


def measure() -> Outcome:
    """Compare in the training's own process, and with two workers."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_all(folder)
        datasets = {
            TABLE: _table(folder / "table"),
            TAR: _tars(folder),
            FOLDER: _Files(folder / "files"),
        }
        for workers, words in ((0, "without workers"), (2, "with two workers")):
            contestants = {name: partial(_epoch, one, workers) for name, one in datasets.items()}
            figures += _figures(take_turns(contestants, ROUNDS), words)
        alone = {name: partial(_epoch, one, 0) for name, one in datasets.items()}
        figures += _figures(take_turns(alone, ROUNDS, time.process_time), "of processor time")
    return Outcome("loading", tuple(figures), CONDITIONS)


def _figures(rates: Mapping[str, Spread], words: str) -> Sequence[Figure]:
    pairs = zip(rates[TAR].values, rates[FOLDER].values, strict=True)
    gain = ratio(rates[TABLE], Spread(tuple(max(pair) for pair in pairs)))
    return [
        *(Figure(f"{name}, {words}", "per second", rates[name]) for name in rates),
        Figure(f"our table to the faster of the others, {words}", "times", gain, 1.0),
    ]
