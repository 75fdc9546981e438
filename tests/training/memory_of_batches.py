"""Prints the most bytes that Arrow held while batches were read, and the bytes of the table."""

import sys
from pathlib import Path

import pyarrow as pa

from headwater.training.batches import ParquetBatches
from tests.training.parquet_files import TOY


def main() -> None:
    pool = pa.system_memory_pool()
    pa.set_memory_pool(pool)
    files = sorted(Path(sys.argv[1]).iterdir())
    batches = ParquetBatches(
        files, TOY, ["item", "picture"], batch=32, seed=0, buffer_rows=int(sys.argv[2])
    )
    rows = sum(batches.at(step).num_rows for step in range(len(batches) // 32))
    print(rows, pool.max_memory())


if __name__ == "__main__":
    main()
