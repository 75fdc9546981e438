"""HEIC and HEIF through libheif, which is no code to let strangers' bytes into: only run apart.

The reader applies the container's turns and mirrors, and drops the EXIF orientation that repeats
them.
"""

import struct
from typing import Final

FORMAT: Final = "HEIF"
_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
# Most bytes that are read of the first box of the file, which lists the brands.
_MOST_BYTES: Final = 1024


def is_heif(data: bytes) -> bool:
    """True for a file whose first box says that it holds HEVC images."""
    if data[4:8] != b"ftyp":
        return False
    size = min(struct.unpack(">I", data[:4])[0], len(data), _MOST_BYTES)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4))}
    return not _BRANDS.isdisjoint(brands)


def register() -> None:
    """Let Pillow open ``FORMAT``: the primary image alone."""
    import pi_heif

    pi_heif.register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
    )
