"""JPEG files without what they say besides their pixels: places, dates, names, thumbnails."""

import re
from typing import Final

# Start of image, then every marker; 0xFF before 0x00 or a restart marker is a part of the pixels.
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_MARKER: Final = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")

_APPLICATION: Final = range(0xE0, 0xF0)
_COMMENT: Final = 0xFE
# Of the application's segments, decoders ask these two how the colours are coded.
_COLOUR_CODING: Final = ((0xE0, b"JFIF\x00"), (0xEE, b"Adobe"))


def without_metadata(data: bytes) -> bytes | None:
    """The JPEG file with the same coded pixels and no metadata; None for an odd file.

    Dropped are comments, application segments (EXIF, XMP, ICC, previews) other than those that
    say how colours are coded, and whatever follows the image's end.
    """
    if data[:2] != b"\xff\xd8":
        return None
    kept, position = [data[:2]], 2
    while found := _MARKER.match(data, position):
        marker = found[1][0]
        start = found.end()
        if marker == _END:
            return b"".join([*kept, b"\xff\xd9"])
        end = start + int.from_bytes(data[start : start + 2], "big")
        if marker == _START or end < start + 2 or end > len(data):
            return None
        if marker == _SCAN:
            after = _MARKER.search(data, end)
            if after is None:
                return None
            end = after.start()
        if _is_needed(marker, data[start + 2 : end]):
            kept.append(b"\xff" + data[start - 1 : end])
        position = end
    return None


def _is_needed(marker: int, content: bytes) -> bool:
    if marker in _APPLICATION:
        return any(marker == code and content.startswith(name) for code, name in _COLOUR_CODING)
    return marker != _COMMENT
