"""Hostile work that ``headwater.apart`` must bound: run as a module by its test."""

import ctypes
import sys

from headwater.apart import take_bounds


def work(kind: str) -> None:
    data = sys.stdin.buffer.read()
    take_bounds(len(data), memory_bytes=2**28, cpu_seconds=1)
    if kind == "spin":
        while True:
            pass
    if kind == "crash":
        ctypes.string_at(0)
    size = 2**27 if kind == "modest" else 2**29
    try:
        sys.stdout.buffer.write(data + b"%d" % len(bytearray(size)))
    except MemoryError:
        sys.stdout.buffer.write(b"no memory")


if __name__ == "__main__":
    work(sys.argv[1])
