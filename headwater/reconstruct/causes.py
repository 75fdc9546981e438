"""The mistakes that people make with cameras, tried on views that do not agree on one head."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.affine import inverted
from headwater.geometry.cameras import Camera, transform_image
from headwater.reconstruct.agreement import are_sound
from headwater.reconstruct.placing import head_in_world
from headwater.reconstruct.seeing import SeenFace

# All orders of so many views are tried, and of more those in which two are swapped.
MOST_ORDERED: Final = 5
_OTHER_AXES: Final = np.diag([1.0, -1.0, -1.0])


def likely_cause(faces: Sequence[SeenFace], points_mm: NDArray[np.float32]) -> str | None:
    """The mistake without which all views agree on one head, in words; None for none of those.

    points_mm: (68, 3) landmarks of the template, head frame.
    """
    for cause, views in _mended(faces):
        try:
            if are_sound(views, points_mm, head_in_world(views, points_mm)):
                return cause
        except (HeadwaterError, ItemRejected):
            continue
    return None


def _mended(faces: Sequence[SeenFace]) -> Iterator[tuple[str, list[SeenFace]]]:
    """The views without each mistake of their cameras, likelier ones first."""
    for cause, mend in _CONVENTIONS:
        yield cause, [replace(face, camera=mend(face.camera)) for face in faces]
    for order in _orders(len(faces)):
        views = [_with_camera_of(face, faces[i]) for face, i in zip(faces, order, strict=True)]
        yield "the cameras seem to be in another order than the photos", views


def _with_camera_of(face: SeenFace, other: SeenFace) -> SeenFace:
    """The view with the camera of another photo, in px of its own frame."""
    whole = transform_image(other.camera, other.photo_from_frame, other.width, other.height)
    size = face.camera.width, face.camera.height
    return replace(face, camera=transform_image(whole, inverted(face.photo_from_frame), *size))


def _inverted(camera: Camera) -> Camera:
    return replace(camera, R=camera.R.T, t=-camera.R.T @ camera.t)


def _turned(camera: Camera) -> Camera:
    return replace(camera, R=_OTHER_AXES @ camera.R, t=_OTHER_AXES @ camera.t)


_CONVENTIONS: Final[tuple[tuple[str, Callable[[Camera], Camera]], ...]] = (
    ("R and t seem to go from the camera to the world", _inverted),
    ("the cameras' axes seem to be those of OpenGL (y up, z backward)", _turned),
    (
        "R and t seem to go from the camera to the world, with axes of OpenGL (y up, z backward)",
        lambda camera: _turned(_inverted(camera)),
    ),
    (
        "t seems to be the place of the camera, not that of the world's origin before it",
        lambda camera: replace(camera, t=-camera.R @ camera.t),
    ),
)


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """Orders of so many views, without that in which they are."""
    if count <= MOST_ORDERED:
        yield from list(permutations(range(count)))[1:]
        return
    for first in range(count):
        for second in range(first):
            order = list(range(count))
            order[first], order[second] = second, first
            yield tuple(order)
