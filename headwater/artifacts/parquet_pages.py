"""Sizes that the pages of a Parquet file state, read before any of them is unpacked.

The sums in a file's footer bind nobody: readers unpack what the pages hold, and one of some bytes
may state millions of equal values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Any, Final

Bytes = bytes | mmap

# Types of Thrift's compact protocol, in which footers and the headers of pages are written.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
MAX_FOOTER: Final = 2**25
_DEEPEST: Final = 16
_TAIL: Final = 8
_CUT: Final = "its metadata is cut off"
# Fields by number: of the footer, a row group, a column, its metadata, and a page's header.
_GROUPS, _COLUMNS, _META = 4, 1, 3
_COUNT, _COMPRESSED, _DATA_AT, _DICTIONARY_AT = 5, 7, 9, 11
_PAGE_BYTES, _PAGE_COMPRESSED, _OF_KIND, _VALUES = 2, 3, (5, 7, 8), 1


@dataclass(frozen=True)
class Stated:
    """Bytes and values of a row group, unpacked, as its pages state them."""

    bytes: int
    values: int


def stated_sizes(data: Bytes) -> list[Stated]:
    """Sizes of every row group of a Parquet file, given as a buffer of its bytes.

    Raises ValueError or LookupError where it is none.
    """
    length = int.from_bytes(data[-_TAIL : -_TAIL + 4], "little")
    end = len(data) - _TAIL
    if not 0 < length <= min(end, MAX_FOOTER):
        raise ValueError(f"its footer has {length} bytes")
    # A copy, which is read faster than a mapped file.
    footer = _Fields(bytes(data[end - length : end]), 0, length).struct()
    return [_of_group(data, group, end) for group in footer.get(_GROUPS, [])]


def _of_group(data: Bytes, group: dict[int, Any], end: int) -> Stated:
    pages = [page for column in group[_COLUMNS] for page in _pages(data, column[_META], end)]
    return Stated(sum(page.bytes for page in pages), sum(page.values for page in pages))


def _pages(data: Bytes, column: dict[int, Any], end: int) -> Iterator[Stated]:
    """The pages of a column of a row group, as a reader meets them: none where it has no values."""
    if not column[_COUNT]:
        return
    place = column[_DATA_AT]
    if 0 < column.get(_DICTIONARY_AT, 0) < place:
        place = column[_DICTIONARY_AT]
    stop = place + column[_COMPRESSED]
    if not 0 <= place <= stop <= end:
        raise ValueError("a column lies beyond its pages")
    while place < stop:
        fields = _Fields(data, place, stop)
        header = fields.struct()
        size, packed = header[_PAGE_BYTES], header[_PAGE_COMPRESSED]
        values = sum(header[kind][_VALUES] for kind in _OF_KIND if kind in header)
        if min(size, packed, values) < 0:
            raise ValueError("a page states a negative size")
        yield Stated(size, values)
        place = fields.place + packed


class _Fields:
    """Reader of Thrift structs in the compact protocol, as dicts of values by field number."""

    def __init__(self, data: Bytes, place: int, end: int) -> None:
        self._data = data
        self._end = end
        self.place = place

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The struct that begins at ``place``."""
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._integer()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("its metadata is nested too deeply")
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind == _DOUBLE:
            return self._skipped(8)
        if kind == _BINARY:
            return self._skipped(self._unsigned())
        if kind in (_LIST, _SET):
            return self._list(depth + 1)
        if kind == _MAP:
            return self._map(depth + 1)
        return self.struct(depth + 1) if kind == _STRUCT else self._integer()

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._unsigned()
        return [self._value(head & 15, depth) for _ in range(self._within(count))]

    def _map(self, depth: int) -> list[Any]:
        """Keys and values of a map, in turn."""
        count = self._within(self._unsigned())
        kinds = self._byte() if count else 0
        return [self._value(one, depth) for one in count * [kinds >> 4, kinds & 15]]

    def _within(self, count: int) -> int:
        # Each element takes a byte or more.
        if count > self._end - self.place:
            raise ValueError(_CUT)
        return count

    def _skipped(self, count: int) -> None:
        self.place += self._within(count)

    def _byte(self) -> int:
        place = self.place
        if place >= self._end:
            raise ValueError(_CUT)
        self.place = place + 1
        return self._data[place]

    def _unsigned(self) -> int:
        value = self._byte()
        # Most numbers have one byte.
        if value < 128:
            return value
        value &= 127
        for shift in range(7, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("its metadata holds a number without end")

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
