"""Step "photos": the photos of a folder, decoded upright to sRGB."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from headwater.artifacts.ids import item_id, sha256_hex, split_of
from headwater.artifacts.images import encode_png, jpeg_with
from headwater.artifacts.schemas import PHOTOS
from headwater.config import Params
from headwater.errors import ItemRejected
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.photos.folder import PhotoFile, list_photos, read_photo
from headwater.photos.jpeg import differ_in_header_alone, without_metadata
from headwater.photos.pixels import DecodedPhoto
from headwater.pipeline.known import read_known
from headwater.pipeline.step import Item, Result, Step, Work
from headwater.reject_reasons import PASSING, RejectReason
from tasks.command import run

# Hashes of photos that earlier builds read, beside what the steps know of their buckets.
KNOWN_FILES: Final = "photo_files"


def sources(params: Params, project: Path) -> list[Item]:
    """One item per entry of the photo folder; an entry that is no photo carries its problem."""
    folder = project / params.photos.folder
    known = read_known(project, KNOWN_FILES)
    entries = list_photos(folder, memory=known)
    known.keep()
    items = []
    for entry in entries:
        if isinstance(entry, PhotoFile):
            identifier = subject = item_id("photo", entry.sha256)
            # Relative, so that a bucket's key is the same wherever the folder lies.
            inside = str(entry.path).removeprefix(f"{folder}/")
            source: dict[str, Any] = {"path": inside, "sha256": entry.sha256}
            person = inside.rpartition("/")[0]
            if params.photos.subjects == "folder" and person:
                subject = item_id("person", person)
        else:
            identifier = item_id("photo problem", entry.name, entry.sha256, entry.reason)
            subject = identifier
            source = {"reason": entry.reason, "message": entry.message}
        items.append(Item(identifier, subject, entry.name, source))
    return items


def compute(work: Work, result: Result) -> None:
    """Decode every photo of the bucket."""
    for item in work.items:
        with result.rejecting(item):
            result.add(PHOTOS, _row(item, work.project / work.params.photos.folder, work.params))


def _row(item: Item, folder: Path, params: Params) -> dict[str, Any]:
    if "reason" in item.source:
        raise ItemRejected(item.source["reason"], item.source["message"])
    data = _read_again(folder / item.source["path"], item.source["sha256"])
    photo = decode_photo(data, params.photos.max_pixels, params.photos.max_side_px)
    rgb = photo.rgb
    return {
        "item": item.item,
        "subject": item.subject,
        "split": split_of(item.subject, params.seed, params.split.test, params.split.validation),
        "source": "photo",
        "licence": builtin_licences().get(item.source["sha256"], params.photos.licence),
        "parent": None,
        "source_sha256": item.source["sha256"],
        "image": stored_image(data, photo, item.item),
        "width": rgb.shape[1],
        "height": rgb.shape[0],
        "file_name": item.name,
        "source_format": photo.source_format,
        "source_mode": photo.source_mode,
    }


def _read_again(path: Path, sha256: str) -> bytes:
    """Bytes of a listed photo; raises ItemRejected, for the moment, when they changed since."""
    try:
        data = read_photo(path)
    except ItemRejected as problem:
        if problem.reason in PASSING:
            raise
        raise ItemRejected(
            RejectReason.CHANGED, f"The file changed since it was listed: {problem.message}"
        ) from problem
    if sha256_hex(data) != sha256:
        raise ItemRejected(
            RejectReason.CHANGED, "The file has other bytes than when it was listed."
        )
    return data


def stored_image(data: bytes, photo: DecodedPhoto, name: str) -> dict[str, Any]:
    """The image column's value: the file's own coding where it shows the same pixels, else PNG."""
    bare = without_metadata(data) if photo.as_coded else None
    if bare and photo.source_mode == "RGB" and differ_in_header_alone(data, bare):
        # No need to look what it shows.
        return {"bytes": bare, "path": f"{name}.jpg"}
    return (jpeg_with(bare, photo.rgb, name) if bare else None) or encode_png(photo.rgb, name)


@cache
def builtin_licences() -> dict[str, str]:
    """Licences of the built-in portraits by the SHA-256 of their bytes."""
    return {sha256_hex(portrait.data()): portrait.licence for portrait in PORTRAITS}


STEP = Step(
    name="photos",
    version=2,
    inputs=(),
    outputs=(PHOTOS,),
    settings=lambda params: params.photos.model_dump(exclude={"folder", "subjects"}),
    compute=compute,
    sources=sources,
)

if __name__ == "__main__":
    run(STEP)
