"""JPEG files without their metadata: places, dates, names, thumbnails."""

import re
from collections.abc import Iterator
from typing import Final

# Start of image, then every marker; 0xFF before 0x00 or a restart marker is a part of the pixels.
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_MARKER: Final = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
# Begins with one byte, which is searched for at the speed of memory.
_NEXT_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

MAX_SEGMENTS: Final = 20_000

_APPLICATION: Final = range(0xE0, 0xF0)
_COMMENT: Final = 0xFE
_EXIF: Final = (0xE1, b"Exif\x00\x00")
# The two application segments that tell decoders how colours are coded.
_COLOUR_CODING: Final = ((0xE0, b"JFIF\x00"), (0xEE, b"Adobe"))


def without_metadata(data: bytes) -> bytes | None:
    """The JPEG file with the same coded pixels and no metadata; None for an odd file.

    Dropped are comments, application segments (EXIF, XMP, ICC, previews) other than those that
    say how colours are coded, and whatever follows the image's end.
    """
    kept, last = [data[:2]], 0
    for last, start, end in _segments(data):
        if _is_needed(last, data[start + 2 : end]):
            kept.append(b"\xff" + data[start - 1 : end])
    return b"".join(kept) if last == _END else None


def differ_in_header_alone(data: bytes, other: bytes) -> bool:
    """True for two JPEG files that have the same bytes from the first scan on, to the other's end.

    Where the other is one ``without_metadata`` they show the same pixels.
    """
    starts = [_first_scan(file) for file in (data, other)]
    if None in starts:
        return False
    return data.startswith(other[starts[1] :], starts[0])


def scan_count(data: bytes) -> int:
    """Number of scans of a JPEG file: about ten where it is progressive."""
    return sum(marker == _SCAN for marker, _, _ in _segments(data))


def exif_count(data: bytes) -> int:
    """Number of EXIF segments of a JPEG file."""
    return sum(
        marker == _EXIF[0] and data.startswith(_EXIF[1], start + 2)
        for marker, start, _ in _segments(data)
    )


def _first_scan(data: bytes) -> int | None:
    return next((start for marker, start, _ in _segments(data) if marker == _SCAN), None)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start after it, and end of each segment, the image's end the last.

    Stops before it in a file that is cut off, odd, or of more segments than any encoder writes.
    """
    position = 2
    if data[:2] != b"\xff\xd8":
        return
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.match(data, position)
        if found is None:
            return
        marker, start = found[1][0], found.end()
        if marker == _END:
            yield marker, start, start
            return
        end = start + int.from_bytes(data[start : start + 2], "big")
        if marker == _START or end < start + 2 or end > len(data):
            return
        if marker == _SCAN:
            after = _NEXT_MARKER.search(data, end)
            if after is None:
                return
            end += len(data[end : after.start()].rstrip(b"\xff"))
        yield marker, start, end
        position = end


def _is_needed(marker: int, content: bytes) -> bool:
    if marker in _APPLICATION:
        return any(marker == code and content.startswith(name) for code, name in _COLOUR_CODING)
    return marker != _COMMENT
