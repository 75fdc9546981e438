"""The import of LFW: its photos with exactly one face, as a folder of photos by person.

Labeled Faces in the Wild (Huang et al., UMass TR 07-49) is ``<root>/<person>/<person>_0001.jpg``
and so on. Files with other names, that cannot be read, or that show no face or several are dropped
with the reason; every file is either kept or dropped.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.face_search import FaceDetector
from headwater.faces.ingest import large_faces
from headwater.photos.decode import decode_photo
from headwater.photos.folder import (
    PhotoFile,
    PhotoProblem,
    list_files,
    printable,
    read_photo,
    without_twins,
)
from headwater.reject_reasons import RejectReason
from headwater.sharing.new_folder import appearing, refuse_unless_new

PHOTOS: Final = "photos"
DROPPED: Final = "dropped.csv"
_NUMBERED: Final = re.compile(r"(?P<person>.+)_\d{4}\.jpg")


@dataclass(frozen=True)
class Dropped:
    """A file that is no photo of one face: its name, printable, the reason's code, a sentence."""

    name: str
    reason: str
    message: str


@dataclass(frozen=True)
class Imported:
    """kept: paths of photos from the root, in order. dropped: all other files."""

    kept: tuple[str, ...]
    dropped: tuple[Dropped, ...]

    @property
    def people(self) -> int:
        """Number of people with a photo that was kept."""
        return len({Path(name).parent for name in self.kept})

    @property
    def reasons(self) -> Counter[str]:
        """Numbers of dropped files by reason."""
        return Counter(one.reason for one in self.dropped)


def import_lfw(
    root: Path, folder: Path, detector: FaceDetector, progress: Callable[[int, int], None]
) -> Imported:
    """Copy the photos of one face below ``root`` to ``folder``/photos, and list all others there.

    progress: called with the number of files looked at and of all. The folder appears whole or not
    at all. Raises HeadwaterError where ``root`` is not laid out as LFW is, where nothing is kept,
    and where ``folder`` has something in it or one of the two lies in the other.
    """
    refuse_unless_new(folder)
    inner, outer = folder.resolve(), root.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise HeadwaterError(f"{folder}: lies in {root} or holds it; name a folder beside it")
    if not root.is_dir():
        raise HeadwaterError(f"{root}: is no folder; name the one that LFW unpacks to")
    # Of files with equal bytes one is kept that is named as LFW names its photos.
    entries = without_twins([_laid_out(entry, root) for entry in list_files(root)])
    if not any(isinstance(one, PhotoFile) for one in entries):
        raise HeadwaterError(
            f"{root}: has no photo named <person>/<person>_0001.jpg; name the folder that LFW "
            "unpacks to, which holds a folder for each person"
        )
    kept: list[str] = []
    dropped: list[Dropped] = []
    with appearing(folder) as made:
        for number, entry in enumerate(entries, start=1):
            try:
                kept.append(_copied(entry, root, made / PHOTOS, detector))
            except ItemRejected as problem:
                dropped.append(Dropped(entry.name, problem.reason, problem.message))
            progress(number, len(entries))
        if not kept:
            raise HeadwaterError(
                f"{root}: no photo shows exactly one face; the first, {dropped[0].name}: "
                f"{dropped[0].message}"
            )
        (made / DROPPED).write_text(_table(dropped), encoding="utf-8")
    return Imported(tuple(kept), tuple(dropped))


def _copied(
    entry: PhotoFile | PhotoProblem, root: Path, folder: Path, detector: FaceDetector
) -> str:
    """The path from the root of a photo of one face, copied. Raises ItemRejected for any other."""
    if isinstance(entry, PhotoProblem):
        raise ItemRejected(entry.reason, entry.message)
    data = read_photo(entry.path)
    _, faces = large_faces(decode_photo(data).rgb, detector)
    if faces > 1:
        raise ItemRejected(RejectReason.SEVERAL_FACES, f"The photo shows {faces} faces.")
    inside = entry.path.relative_to(root)
    (folder / inside).parent.mkdir(parents=True, exist_ok=True)
    (folder / inside).write_bytes(data)
    return str(inside)


def _laid_out(entry: PhotoFile | PhotoProblem, root: Path) -> PhotoFile | PhotoProblem:
    """The entry; a problem where it is a file that is not named as LFW names its photos."""
    if isinstance(entry, PhotoProblem):
        return entry
    *folders, name = entry.path.relative_to(root).parts
    found = _NUMBERED.fullmatch(name)
    if found is not None and folders == [found["person"]]:
        return entry
    said = "The file is not named <person>/<person>_0001.jpg."
    return PhotoProblem(entry.name, RejectReason.NOT_LAID_OUT, said, entry.sha256)


def _table(dropped: list[Dropped]) -> str:
    """CSV of dropped files, a line for each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "reason", "message"))
    writer.writerows((one.name, one.reason, one.message) for one in dropped)
    return text.getvalue()


def in_words(found: Imported, folder: Path) -> list[str]:
    """Lines for people: the counts of an import, and what to write into params.yaml."""
    total = len(found.kept) + len(found.dropped)
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(found.reasons.items()))
    kept = f"kept {len(found.kept)} of {total} files; people: {found.people}"
    if found.dropped:
        kept += f"; dropped: {reasons}, listed in {printable(str(folder / DROPPED))}"
    place = printable(str(folder / PHOTOS))
    return [kept, f"in params.yaml: photos.folder: {place}, photos.subjects: folder"]
