"""A process that decodes one costly image: its bytes come in, its pixels go out.

Arguments are max_pixels and max_side_px (0: none). It prints one line of JSON, which is a refusal
or describes the pixels that follow as they lie in memory.
"""

import json
import sys

from headwater.apart import take_bounds
from headwater.errors import ItemRejected
from headwater.photos.pixels import decode_pixels, too_large


def main(max_pixels: int, max_side_px: int) -> None:
    """Decode standard input to standard output."""
    data = sys.stdin.buffer.read()
    take_bounds(len(data))
    try:
        answer, pixels = _decoded(data, max_pixels, max_side_px or None)
    except (ItemRejected, MemoryError) as error:
        refusal = error if isinstance(error, ItemRejected) else too_large("takes more than a share")
        answer, pixels = {"reason": refusal.reason, "message": refusal.message}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.write(pixels)


def _decoded(
    data: bytes, max_pixels: int, max_side_px: int | None
) -> tuple[dict[str, object], bytes]:
    photo = decode_pixels(data, max_pixels, max_side_px, ordinary_only=False)
    about = {key: value for key, value in vars(photo).items() if key != "rgb"}
    return about | {"shape": photo.rgb.shape}, photo.rgb.tobytes()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
