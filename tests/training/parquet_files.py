"""Parquet files of a small table, with row groups of given sizes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headwater.artifacts.columns import column, table

TOY = table(
    "toy/rows",
    "a row",
    column("item", pa.string(), "number of the row"),
    column("split", pa.string(), "train or test"),
    column("picture", pa.binary(), "bytes"),
)


def write_files(
    folder: Path, files: Sequence[Sequence[int]], splits: Sequence[str] = (), picture: int = 4
) -> list[Path]:
    """Files of row groups of so many rows each; items are counted on, "0", "1" and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    paths, item = [], 0
    for number, sizes in enumerate(files):
        path = folder / f"bucket-{number:03d}.parquet"
        with pq.ParquetWriter(path, TOY.arrow, compression="zstd", write_page_checksum=True) as out:
            for size in sizes:
                numbers = range(item, item + size)
                pixels = np.random.default_rng(item).bytes(size * picture)
                columns = [
                    [str(number) for number in numbers],
                    [splits[number] if splits else "train" for number in numbers],
                    [pixels[place : place + picture] for place in range(0, len(pixels), picture)],
                ]
                arrays = [pa.array(c, f.type) for c, f in zip(columns, TOY.arrow, strict=True)]
                if size:
                    out.write_table(pa.Table.from_arrays(arrays, schema=TOY.arrow))
                item += size
        paths.append(path)
    return paths
