"""Prints the rows of a table, and the most bytes that Arrow held while they were given."""

import sys

import pyarrow as pa

from headwater.data import TorchDataset


def main() -> None:
    pool = pa.system_memory_pool()
    pa.set_memory_pool(pool)
    dataset = TorchDataset(sys.argv[1], ["item", "mask"], buffer_rows=int(sys.argv[2]))
    rows = sum(1 for _ in dataset)
    print(rows, pool.max_memory())


if __name__ == "__main__":
    main()
