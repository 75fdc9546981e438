"""Cameras that a user calibrated: read from JSON, and matched to the photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from headwater.artifacts.cameras import parse_camera
from headwater.artifacts.regular_files import read_json
from headwater.errors import HeadwaterError
from headwater.geometry.cameras import Camera
from headwater.photos.folder import PhotoFile

MAX_BYTES: Final = 2**24


@dataclass(frozen=True)
class GivenCamera:
    """A camera of the upright photo in its full size, from a world in mm that all cameras share.

    where: its place in the file, for messages. photo, sha256: the photo's file name and the hash
    of its bytes; either may be None.
    """

    where: str
    photo: str | None
    sha256: str | None
    camera: Camera

    def of_size(self, width: int, height: int) -> Camera:
        """The camera; raises ``HeadwaterError`` if the photo's full size is another one."""
        size, stated = (width, height), (self.camera.width, self.camera.height)
        if size == stated:
            return self.camera
        hint = (
            "its EXIF orientation turns the photo, and the camera must be that of the upright one"
            if size == stated[::-1]
            else "K must be in pixels of the photo's full size"
        )
        raise HeadwaterError(
            f"{self.where}: is of {stated[0]} x {stated[1]} px, "
            f"the photo of {width} x {height} px; {hint}"
        )


@dataclass(frozen=True)
class GivenCameras:
    """The cameras of a run, by the sha256 of their photos, and the file that they come from."""

    path: Path
    by_sha256: Mapping[str, GivenCamera]


def read_cameras(path: Path) -> list[GivenCamera]:
    """Cameras of a file like the ``camera.json`` that the command writes.

    Raises ``HeadwaterError`` that names the file, the camera and what is wrong with it.
    """
    document = read_json(path, MAX_BYTES)
    views = document.get("views") if isinstance(document, dict) else None
    if not isinstance(views, list) or not views:
        raise HeadwaterError(f'{path}: needs a list "views" with the camera of each photo')
    return [_camera(view, f"{path}: views[{i}]") for i, view in enumerate(views)]


def cameras_of(
    photos: Sequence[PhotoFile], given: Sequence[GivenCamera], path: Path
) -> GivenCameras:
    """The camera of each photo.

    The hash decides where a camera states one; otherwise the file name does, with its folders if
    two share it. Raises ``HeadwaterError`` when a photo has no camera or more than one, or two
    photos would share one.
    """
    found: dict[str, GivenCamera] = {}
    taken: dict[int, str] = {}
    for photo in photos:
        fitting = _fitting(photo, given)
        if not fitting:
            raise HeadwaterError(f"{path}: no camera for {photo.name}{_hint(photo, given)}")
        if len(fitting) > 1:
            raise HeadwaterError(f"{path}: {len(fitting)} cameras for {photo.name}; leave one")
        if other := taken.get(fitting[0]):
            raise HeadwaterError(
                f"{path}: {other} and {photo.name} would share a camera; "
                "name each camera's photo with its folder, or give its sha256"
            )
        taken[fitting[0]] = photo.name
        found[photo.sha256] = given[fitting[0]]
    return GivenCameras(path, found)


def _camera(view: Any, where: str) -> GivenCamera:
    if not isinstance(view, dict):
        raise HeadwaterError(f"{where}: is no camera; it needs photo, K, R, t, width and height")
    name, sha256 = view.get("photo"), view.get("sha256")
    if not all(text is None or isinstance(text, str) for text in (name, sha256)):
        raise HeadwaterError(f"{where}: photo and sha256 must be texts")
    if not (name or sha256):
        raise HeadwaterError(f"{where}: photo missing; it is the photo's file name")
    where = f"{where} ({name or sha256})"
    return GivenCamera(
        where, name or None, sha256.lower() if sha256 else None, parse_camera(view, where)
    )


def _fitting(photo: PhotoFile, given: Sequence[GivenCamera]) -> list[int]:
    """Rows of the cameras that may be the photo's."""
    by_hash = [i for i, one in enumerate(given) if one.sha256 == photo.sha256]
    if by_hash:
        return by_hash
    named = [i for i in _of_that_name(photo, given) if given[i].sha256 is None]
    exact = [i for i in named if given[i].photo == photo.name]
    return exact or named


def _of_that_name(photo: PhotoFile, given: Sequence[GivenCamera]) -> list[int]:
    last = PurePosixPath(photo.name).name
    return [i for i, one in enumerate(given) if one.photo and PurePosixPath(one.photo).name == last]


def _hint(photo: PhotoFile, given: Sequence[GivenCamera]) -> str:
    if _of_that_name(photo, given):
        return "; the one of that name has another sha256: it is of other bytes"
    return ""
