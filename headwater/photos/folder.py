"""Find the photos of a folder, in an order that is the same everywhere.

Policies: every file that is not hidden is an input, whatever its name says, and either becomes a
photo or a problem with a reason. Folders are searched to any depth. A symbolic link to a file is
read like a file; one to a folder, or to nothing, is one problem and is not followed, so that no
link can loop. Hidden names (a leading dot) are no inputs. Equal bytes are one photo: the first in
the order of names is kept, every other one is a problem that names it.
"""

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from headwater.artifacts.regular_files import (
    READ_SECONDS,
    NotRegularError,
    TooLargeError,
    bytes_of_file,
    each_within,
    regular_bytes,
)
from headwater.errors import HeadwaterError, ItemRejected
from headwater.photos.file_states import Memory, state_of
from headwater.reject_reasons import RejectReason

MAX_FILE_BYTES: Final = 256 * 2**20
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Letters and emoji take other shapes by them.
_JOINERS: Final = "\u200c\u200d"


@dataclass(frozen=True)
class PhotoFile:
    """A file that may be a photo: where it is, its printable name and the SHA-256 of its bytes."""

    path: Path
    name: str
    sha256: str


@dataclass(frozen=True)
class PhotoProblem:
    """A path that is no photo, why (a ``RejectReason``), and its bytes' SHA-256 where read."""

    name: str
    reason: RejectReason
    message: str
    sha256: str | None = None


def list_photos(
    folder: Path,
    max_file_bytes: int = MAX_FILE_BYTES,
    leave_out: Path | None = None,
    memory: Memory | None = None,
) -> list[PhotoFile | PhotoProblem]:
    """Everything in ``folder``, ordered by the bytes of the path relative to it.

    leave_out: a folder somewhere below that is not searched. memory: of hashes of files that were
    read before with the same limit; those that are what they were are not read again.
    Raises ``HeadwaterError`` if ``folder`` is no folder that can be read.
    """
    return without_twins(list_files(folder, max_file_bytes, leave_out, memory))


def list_files(
    folder: Path,
    max_file_bytes: int = MAX_FILE_BYTES,
    leave_out: Path | None = None,
    memory: Memory | None = None,
) -> list[PhotoFile | PhotoProblem]:
    """Entries as ``list_photos`` gives them, files with equal bytes included."""
    root = os.fsencode(folder)
    if not os.path.isdir(root):
        raise HeadwaterError(
            f"photos.folder: {printable_name(root)} is not a folder; give one that holds photos"
        )
    skipped = os.path.realpath(os.fsencode(leave_out)) if leave_out is not None else None
    walked = sorted(_walk(root, b"", skipped))
    looks = [partial(_inspect, root, relative, max_file_bytes, memory) for relative in walked]
    # What is behind a link may never answer.
    answers = zip(walked, each_within(READ_SECONDS, looks), strict=True)
    return [
        _late(relative, answer) if isinstance(answer, TimeoutError) else answer
        for relative, answer in answers
    ]


def without_twins(entries: list[PhotoFile | PhotoProblem]) -> list[PhotoFile | PhotoProblem]:
    """Entries in their order; a file of the same bytes as an earlier one is a problem."""
    first_names: dict[str, str] = {}
    found: list[PhotoFile | PhotoProblem] = []
    for entry in entries:
        if isinstance(entry, PhotoFile):
            first = first_names.setdefault(entry.sha256, entry.name)
            found.append(entry if first == entry.name else _twin(entry, first))
        else:
            found.append(entry)
    return found


def read_photo(
    path: Path,
    max_file_bytes: int = MAX_FILE_BYTES,
    read: Callable[[Path, int], bytes] = regular_bytes,
) -> bytes:
    """Bytes of a regular file; raises ``ItemRejected`` with a file reason.

    read: ``bytes_of_file`` where something else sees to it that none is waited for.
    """
    try:
        data = read(path, max_file_bytes)
    except NotRegularError as error:
        raise ItemRejected(
            RejectReason.NOT_A_FILE, "The path is a pipe, socket or device, not a file."
        ) from error
    except TooLargeError as error:
        raise ItemRejected(
            RejectReason.FILE_TOO_LARGE,
            f"The file has {error.size} bytes; the limit is {max_file_bytes}.",
        ) from error
    except PermissionError as error:
        raise ItemRejected(
            RejectReason.PERMISSION_DENIED, "The file may not be read by this user."
        ) from error
    except OSError as error:
        raise ItemRejected(
            RejectReason.UNREADABLE_FILE, f"The file cannot be read: {error.strerror or error}."
        ) from error
    if not data:
        raise ItemRejected(RejectReason.EMPTY_FILE, "The file has zero bytes.")
    return data


def printable_name(path: bytes) -> str:
    r"""A path as text that prints on one line and stands for exactly one path.

    As ``printable``; a backslash becomes two.
    """
    text = path.decode("utf-8", errors="surrogateescape")
    return printable(text.replace("\\", "\\\\"))


def printable(text: str) -> str:
    r"""A text that prints on one line, in the order of its letters, with nothing hidden in it.

    Bytes that are not UTF-8 become ``\xff``; control characters, and those that turn the direction
    of writing or show nothing, ``\n``, ``\u202e`` and the like.
    """
    return "".join(map(_escape, text))


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if unicodedata.category(character) in _UNSEEN and character not in _JOINERS:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _walk(root: bytes, below: bytes, leave_out: bytes | None) -> Iterator[bytes]:
    """Relative paths of everything that is not hidden and not a folder that can be read."""
    try:
        with os.scandir(os.path.join(root, below)) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        yield below
        return
    for entry in listed:
        if entry.name.startswith(b"."):
            continue
        relative = os.path.join(below, entry.name)
        if entry.is_dir(follow_symlinks=False):
            if leave_out is None or os.path.realpath(entry.path) != leave_out:
                yield from _walk(root, relative, leave_out)
        else:
            yield relative


def _late(relative: bytes, answer: TimeoutError) -> PhotoProblem:
    message = f"The path leads nowhere: {answer}."
    return PhotoProblem(printable_name(relative), RejectReason.UNREADABLE_FILE, message)


def _twin(file: PhotoFile, first: str) -> PhotoProblem:
    message = f"The file has the same bytes as {first}, which is used."
    return PhotoProblem(file.name, RejectReason.DUPLICATE, message, file.sha256)


def _inspect(
    root: bytes, relative: bytes, max_file_bytes: int, memory: Memory | None
) -> PhotoFile | PhotoProblem:
    """The file at a path that ``_walk`` gave, read once for its hash."""
    path = os.path.join(root, relative)
    name = printable_name(relative)
    location = Path(os.fsdecode(path))
    state = state_of(location) if memory is not None else None
    if memory is not None and state is not None and (known := memory.recall(state)):
        return PhotoFile(location, name, known[0])
    try:
        if problem := _not_a_file(path):
            return PhotoProblem(name, *problem)
        data = read_photo(location, max_file_bytes, bytes_of_file)
    except ItemRejected as rejected:
        return PhotoProblem(name, RejectReason(rejected.reason), rejected.message)
    sha256 = hashlib.sha256(data).hexdigest()
    # Not of a file that was written meanwhile.
    if memory is not None and state is not None and state == state_of(location):
        memory.learn(state, [sha256])
    return PhotoFile(location, name, sha256)


def _not_a_file(path: bytes) -> tuple[RejectReason, str] | None:
    """Problem of a path that ``_walk`` gave and that is no file, by its kind."""
    if os.path.islink(path) and not os.path.exists(path):
        message = "The symbolic link leads to nothing that is there; it is not followed."
        return RejectReason.SYMBOLIC_LINK, message
    if not os.path.isdir(path):
        return None
    if os.path.islink(path):
        message = "The symbolic link leads to a folder; it is not followed."
        return RejectReason.SYMBOLIC_LINK, message
    return RejectReason.PERMISSION_DENIED, "The folder may not be read by this user."
