"""A process that tries whether an ONNX network of the user's own runs, and within bounds.

Arguments are the threads and the side of an image, px, 0 for the network's own; its file comes in
on standard input. It prints one line of JSON: the side, and null or what is wrong with the network.
"""

import json
import sys

import numpy as np

from headwater.apart import take_bounds
from headwater.networks.onnx_adapter import onnx_side, open_onnx

MEMORY_BYTES = 2 * 2**30
# Side, px, of images for networks that take any size.
ANY_SIDE = 512


def main(threads: int, side: int) -> None:
    """Run the network on a grey image."""
    content = sys.stdin.buffer.read()
    take_bounds(2 * len(content), MEMORY_BYTES)
    sys.stdout.write(json.dumps(_tried(content, threads, side)))


def _tried(content: bytes, threads: int, side: int) -> tuple[int, str | None]:
    verdict = "not a usable ONNX network"
    try:
        side = side or onnx_side(content) or ANY_SIDE
        run = open_onnx(content, threads)
        verdict = f"does not take images {(1, 3, side, side)} of float32"
        run(np.full((1, 3, side, side), 0.5, np.float32))
    except MemoryError:
        return side, f"{verdict}: it takes more than {MEMORY_BYTES // 2**30} GiB of memory"
    except ValueError as fault:
        return side, f"{verdict}: {fault}"
    return side, None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
