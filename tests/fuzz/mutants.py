"""Damaged and hostile variants of valid files, the same for the same seed."""

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable, Sequence

ODD_NUMBERS = (
    b"-1",
    b"0",
    b"255",
    b"65536",
    b"4294967295",
    b"99999999999999999999",
    b"1e999",
    b"nan",
)
ODD_WORDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x40000000)
ODD_TEXTS = (b"[" * 3000, b"{" * 50, b"\x00", b"\xff\xfe", b"null", b'"', b"\n", b"&a [*a]", b"../")

Mutate = Callable[[bytes, random.Random], bytes]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to four changes somewhere in ``data``."""
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(CHANGES)(data, chance)
    return data


def zip_member_mutated(data: bytes, chance: random.Random) -> bytes:
    """A change within one member of a zip file, whose checksums stay right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    victim = chance.choice(sorted(members))
    # Headers decide more than numbers.
    head, tail = members[victim][:160], members[victim][160:]
    members[victim] = (
        mutated(head, chance) + tail if chance.random() < 0.7 else mutated(head + tail, chance)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def glb_json_mutated(data: bytes, chance: random.Random) -> bytes:
    """A change within the JSON of a GLB file, whose lengths stay right."""
    size = struct.unpack_from("<I", data, 12)[0]
    text, rest = mutated(data[20 : 20 + size], chance), data[20 + size :]
    text += b" " * (-len(text) % 4)
    length = 20 + len(text) + len(rest)
    return struct.pack("<5I", 0x46546C67, 2, length, len(text), 0x4E4F534A) + text + rest


def header_mutated(data: bytes, chance: random.Random) -> bytes:
    """A change within the JSON header of a safetensors file, whose length stays right."""
    size = struct.unpack_from("<Q", data)[0]
    header = mutated(data[8 : 8 + size], chance)
    return struct.pack("<Q", len(header)) + header + data[8 + size :]


def any_of(*ways: Mutate) -> Mutate:
    """One of several ways to change a file."""
    return lambda data, chance: chance.choice(ways)(data, chance)


def _bit(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _byte(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[chance.randrange(len(data))] = chance.choice((0, 1, 9, 10, 32, 45, 48, 57, 127, 255))
    return bytes(changed)


def _word(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    word = struct.pack(chance.choice("<>") + "I", chance.choice(ODD_WORDS))
    return data[:place] + word + data[place + 4 :]


def _number(data: bytes, chance: random.Random) -> bytes:
    """Another number in place of one that stands there as text."""
    places = list(re.finditer(rb"\d+", data[:20_000]))
    if not places:
        return data
    found = chance.choice(places)
    return data[: found.start()] + chance.choice(ODD_NUMBERS) + data[found.end() :]


def _text(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(ODD_TEXTS) + data[place:]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _without(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.randint(1, 40) :]


def _again(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[: start + chance.randint(1, 200)] + data[start:]


CHANGES: Sequence[Mutate] = (_bit, _byte, _word, _number, _number, _text, _cut, _without, _again)
