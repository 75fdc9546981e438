"""The photos that a command line names: files and folders, each content once."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headwater.artifacts.ids import sha256_hex
from headwater.errors import HeadwaterError, ItemRejected
from headwater.photos.folder import (
    PhotoFile,
    PhotoProblem,
    list_photos,
    printable_name,
    read_photo,
)
from headwater.reject_reasons import RejectReason


@dataclass(frozen=True)
class Inputs:
    """Photos to reconstruct, paths that are no photos, and names of repeated content.

    repeats: (name, sha256) of files with the bytes of an earlier photo.
    """

    photos: list[PhotoFile]
    problems: list[PhotoProblem]
    repeats: list[tuple[str, str]]

    @property
    def total(self) -> int:
        """Number of all of these."""
        return len(self.photos) + len(self.problems) + len(self.repeats)


def prepared(paths: Sequence[Path], out: Path) -> Inputs:
    """The photos to reconstruct.

    Raises ``HeadwaterError`` when there are none, or ``out`` cannot be a folder or be written.
    """
    inputs = find_inputs(paths, out)
    if not (inputs.photos or inputs.problems):
        raise HeadwaterError("no photos there: name photos, or folders that hold some")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HeadwaterError(f"{out}: cannot be a folder of results ({error.strerror})") from error
    try:
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise HeadwaterError(
            f"{out}: cannot be written ({error.strerror}); give another folder for the results"
        ) from error
    return inputs


def find_inputs(paths: Sequence[Path], out: Path) -> Inputs:
    """Photos and problems of ``paths``, in their order; folders are searched to any depth.

    Results below ``out`` of earlier runs are no photos. Raises ``HeadwaterError`` when ``out`` is
    one of the folders: photos and results would mix.
    """
    inputs = Inputs([], [], [])
    seen: set[str] = set()
    for path in paths:
        entries = _entries(path, out)
        for entry in entries:
            _sort(entry, seen, inputs)
    return inputs


def _entries(path: Path, out: Path) -> list[PhotoFile | PhotoProblem]:
    if not _is_folder(path):
        return [_file(path)]
    if os.path.realpath(path) == os.path.realpath(out):
        raise HeadwaterError(
            f"{printable_name(os.fsencode(path))} holds the photos; "
            "give another folder for the results with -o"
        )
    return list_photos(path, leave_out=out)


def _is_folder(path: Path) -> bool:
    """True for a folder; a path that may not be looked at is treated as a file."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _file(path: Path) -> PhotoFile | PhotoProblem:
    name = printable_name(os.fsencode(path.name or path))
    try:
        return PhotoFile(path, name, sha256_hex(read_photo(path)))
    except ItemRejected as problem:
        return PhotoProblem(name, RejectReason(problem.reason), problem.message)


def _sort(entry: PhotoFile | PhotoProblem, seen: set[str], inputs: Inputs) -> None:
    if isinstance(entry, PhotoProblem):
        if entry.reason == RejectReason.DUPLICATE and entry.sha256 is not None:
            inputs.repeats.append((entry.name, entry.sha256))
        else:
            inputs.problems.append(replace(entry, sha256=None))
    elif entry.sha256 in seen:
        inputs.repeats.append((entry.name, entry.sha256))
    else:
        seen.add(entry.sha256)
        inputs.photos.append(entry)
