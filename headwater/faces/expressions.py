"""Close the eyes, open the mouth or knit the brows of a photographed face.

The face's part outlines are moved by affine rules relative to the eyes, brows and lips (after the
synthetic expressions of PRDL, Wang et al. 2024, section 4.1); the displacements spread smoothly
over the face mesh, and a piecewise-affine warp moves the pixels. An opened mouth is painted in.
Nothing outside the moved triangles changes.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces import face_mesh
from headwater.faces import vocabulary as sets
from headwater.faces.expression_rules import Axes, Moves, face_axes, free_points, rules
from headwater.faces.masks import face_pose
from headwater.faces.mouth_interior import paint_mouth
from headwater.faces.parts import part_labels
from headwater.faces.warp import piecewise_affine
from headwater.reject_reasons import RejectReason

MIN_EYE_DISTANCE_PX: Final = 24.0
# Beyond 35 degrees of yaw the far eye and mouth corner are seen too much from the side.
MAX_SIDEWAYS: Final = float(np.sin(np.deg2rad(35.0)))


class Expression(StrEnum):
    """Edits; the values stand in the tables."""

    CLOSED_EYES = "closed_eyes"
    OPEN_MOUTH = "open_mouth"
    FROWN = "frown"


@dataclass(frozen=True)
class EditedFrame:
    """A frame with another expression.

    image: (h, w, 3) uint8. parts: (h, w) uint8 part ids. edited_region: (h, w) bool, outside
    which image and parts are the parent's. landmarks: (478, 3) float32, px.
    """

    image: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    edited_region: NDArray[np.bool_]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True)
class WarpedFace:
    """A frame after a warp of its face.

    image: (h, w, 3) uint8. region: (h, w) bool, outside which it is as before. landmarks: (478, 3)
    float32, px, moved.
    """

    image: NDArray[np.uint8]
    region: NDArray[np.bool_]
    landmarks: NDArray[np.float32]


def edit_expression(
    rgb: NDArray[np.uint8],
    landmarks_478: NDArray[np.float32],
    parts: NDArray[np.uint8],
    kind: Expression,
    strength: float = 1.0,
) -> EditedFrame:
    """The (h, w, 3) frame with face mesh (478, 3), px, and part ids (h, w), made to show ``kind``.

    strength: share of the whole displacements of its points. Raises ``ItemRejected`` as
    ``editable_axes``.
    """
    axes = editable_axes(landmarks_478)
    points = face_mesh.with_ring(landmarks_478[:, :2].astype(np.float64))
    moves = {point: strength * move for point, move in rules(kind)(points, axes).items()}
    opened = kind is Expression.OPEN_MOUTH
    warped = warped_face(rgb, landmarks_478, moves, free_points(kind), opened=opened)
    redrawn = part_labels(warped.landmarks, *rgb.shape[:2])
    labels = np.where(warped.region, redrawn, parts)
    return EditedFrame(warped.image, labels, warped.region, warped.landmarks)


def warped_face(
    rgb: NDArray[np.uint8],
    landmarks_478: NDArray[np.float32],
    moves: Moves,
    free: frozenset[int],
    *,
    opened: bool,
) -> WarpedFace:
    """The (h, w, 3) frame with face mesh (478, 3), px, warped by moves of some of its points.

    moves: displacements (2,), px, by point. free: points that follow these. opened: whether the
    inside of the mouth is painted instead of warped.
    """
    height, width = rgb.shape[:2]
    points = landmarks_478.astype(np.float64)
    axes = face_axes(points[:, :2])
    source = face_mesh.with_ring(points[:, :2])
    target = source + _displacements(moves, free)
    _move_irises(source, target, axes)
    depth = np.append(points[:, 2], np.full(face_mesh.RING_POINTS, np.inf))
    warp = piecewise_affine(source, target, _triangles(opened), depth, height, width)
    image, region = warp.apply(rgb), warp.region
    landmarks = np.column_stack([target[: sets.COUNT_478], points[:, 2]]).astype(np.float32)
    if opened:
        image, mouth = paint_mouth(rgb, image, landmarks_478, landmarks)
        region = region | mouth
    return WarpedFace(image, region, landmarks)


@cache
def _triangles(opened: bool) -> NDArray[np.int32]:
    """Region that the warp moves; the inside of an opened mouth is painted instead."""
    pieces = [face_mesh.skin_triangles(), face_mesh.ring_triangles(), face_mesh.eye_triangles()]
    if not opened:
        pieces.append(face_mesh.mouth_triangles())
    return np.vstack(pieces)


def editable_axes(landmarks_478: NDArray[np.float32]) -> Axes:
    """The axes of a face (478, 3), px, which is checked to be editable.

    Raises ``ItemRejected`` (edit_failed) if it is turned by more than 35 degrees or has less than
    24 px between the outer eye corners.
    """
    axes = face_axes(landmarks_478.astype(np.float64)[:, :2])
    if axes.eye_distance < MIN_EYE_DISTANCE_PX:
        raise ItemRejected(
            RejectReason.EDIT_FAILED, "The face is too small for its expression to be edited."
        )
    if abs(face_pose(landmarks_478).left[2]) > MAX_SIDEWAYS:
        raise ItemRejected(
            RejectReason.EDIT_FAILED,
            "The face is turned too far sideways for its expression to be edited.",
        )
    return axes


def _displacements(moves: Moves, free: frozenset[int]) -> NDArray[np.float64]:
    """Displacement (514, 2), px, of the mesh and ring points."""
    driven = tuple(sorted(moves))
    weights = face_mesh.spread(driven, free)
    displacements: NDArray[np.float64] = weights @ np.array([moves[point] for point in driven])
    return displacements


def _move_irises(source: NDArray[np.float64], target: NDArray[np.float64], axes: Axes) -> None:
    """Keep the iris points at their relative height between the moved lids, in place."""
    for upper, lower, iris in (
        (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID, (sets.RIGHT_IRIS_CENTRE, *sets.RIGHT_IRIS)),
        (sets.LEFT_UPPER_LID, sets.LEFT_LOWER_LID, (sets.LEFT_IRIS_CENTRE, *sets.LEFT_IRIS)),
    ):
        across = source[list(iris)] @ axes.right
        old = [_heights(source, lid, across, axes) for lid in (upper, lower)]
        new = [_heights(target, lid, across, axes) for lid in (upper, lower)]
        share = (source[list(iris)] @ axes.down - old[0]) / np.maximum(old[1] - old[0], 1e-3)
        down = new[0] + np.clip(share, 0, 1) * (new[1] - new[0])
        target[list(iris)] += np.outer(down - source[list(iris)] @ axes.down, axes.down)


def _heights(
    points: NDArray[np.float64],
    lid: tuple[int, ...],
    across: NDArray[np.float64],
    axes: Axes,
) -> NDArray[np.float64]:
    """Position of a lid along the face's down axis at positions ``across`` it."""
    along, down = points[list(lid)] @ axes.right, points[list(lid)] @ axes.down
    order = np.argsort(along)
    return np.interp(across, along[order], down[order])
