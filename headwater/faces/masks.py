"""The head mask of a frame: face, ears, hair and neck, but no shoulders.

It is what the person segmentation shows inside the reach of a head: a skull ellipsoid and a neck
posed by the face mesh, so that turned heads keep their backs. Measures in face widths and heights
are of adult heads (bizygomatic width about 140 mm, hairline to chin about 175 mm).
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.parts import fill_polygon, polygon_mask
from headwater.faces.vocabulary import CHIN, FACE_OVAL, FOREHEAD, LEFT_SIDE, RIGHT_SIDE
from headwater.reject_reasons import RejectReason

# Skull: centre behind and above the middle of the face oval, and half axes; between those that
# fit the bare heads of 42 rendered views best and those that hold all ears and short hair.
_SKULL_BACK: Final = 0.46
_SKULL_UP: Final = 0.06
_SKULL_HALF_WIDTH: Final = 0.63
_SKULL_HALF_HEIGHT: Final = 0.86
_SKULL_HALF_DEPTH: Final = 0.92

_NECK_BACK: Final = 0.45
_NECK_HALF_WIDTH: Final = 0.47
_NECK_BELOW_CHIN: Final = 0.33

_PERSON: Final = 0.5


@dataclass(frozen=True)
class FacePose:
    """Axes of a face in px of its frame, from the mesh's own depth (orthographic).

    centre: (3,) middle of the face oval. left, down, back: (3,) unit vectors of the subject.
    width, height: of the face oval, px.
    """

    centre: NDArray[np.float64]
    left: NDArray[np.float64]
    down: NDArray[np.float64]
    back: NDArray[np.float64]
    width: float
    height: float


def face_pose(landmarks_478: NDArray[np.float32]) -> FacePose:
    """Pose of a face from its mesh (478, 3), px."""
    points = landmarks_478.astype(np.float64)
    across = points[LEFT_SIDE] - points[RIGHT_SIDE]
    along = points[CHIN] - points[FOREHEAD]
    left = across / np.linalg.norm(across)
    down = along - (along @ left) * left
    down /= np.linalg.norm(down)
    centre = points[[FOREHEAD, CHIN, RIGHT_SIDE, LEFT_SIDE]].mean(axis=0)
    return FacePose(
        centre,
        left,
        down,
        np.cross(left, down),
        float(np.linalg.norm(across)),
        float(np.linalg.norm(along)),
    )


def head_mask(
    person: NDArray[np.float32], landmarks_478: NDArray[np.float32], shown: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Head mask (h, w) from a person probability (h, w) and the frame's face mesh (478, 3), px.

    shown: (h, w), the pixels that can be of the head at all. Raises ``ItemRejected``
    (no_head_mask) if nothing of the face lies on these.
    """
    height, width = person.shape
    face = polygon_mask(landmarks_478, FACE_OVAL, height, width) & shown
    if not face.any():
        raise ItemRejected(RejectReason.NO_HEAD_MASK, "The face lies outside its frame.")
    reach = head_reach(face_pose(landmarks_478), height, width)
    mask = ((person > _PERSON) & reach & shown) | face
    return piece_with(mask, face)


def head_reach(pose: FacePose, height: int, width: int) -> NDArray[np.bool_]:
    """Pixels (height, width) that a head in this pose can cover, hair and neck included."""
    reach = np.zeros((height, width), dtype=np.uint8)
    skull = pose.centre + _SKULL_BACK * pose.width * pose.back - _SKULL_UP * pose.height * pose.down
    axes = np.column_stack(
        [
            _SKULL_HALF_WIDTH * pose.width * pose.left,
            _SKULL_HALF_HEIGHT * pose.height * pose.down,
            _SKULL_HALF_DEPTH * pose.width * pose.back,
        ]
    )
    _fill_ellipsoid(reach, skull, axes)
    top = pose.centre + _NECK_BACK * pose.width * pose.back
    bottom = top + (0.5 + _NECK_BELOW_CHIN) * pose.height * pose.down
    side = np.array([pose.down[1], -pose.down[0]]) / np.linalg.norm(pose.down[:2])
    side *= _NECK_HALF_WIDTH * pose.width
    neck = [top[:2] - side, top[:2] + side, bottom[:2] + side, bottom[:2] - side]
    fill_polygon(reach, np.array(neck, dtype=np.float32), 1)
    return reach.view(np.bool_)


def _fill_ellipsoid(
    mask: NDArray[np.uint8], centre: NDArray[np.float64], axes: NDArray[np.float64]
) -> None:
    """Paint the orthographic outline of an ellipsoid with half axes in the columns of (3, 3)."""
    # The outline's ellipse is the x, y block of the ellipsoid's dual quadric.
    values, vectors = np.linalg.eigh((axes @ axes.T)[:2, :2])
    angles = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)]) * np.sqrt(values)[:, None]
    fill_polygon(mask, ((vectors @ circle).T + centre[:2]).astype(np.float32), 1)


def piece_with(mask: NDArray[np.bool_], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected piece of ``mask`` that holds most of ``face``, its holes filled."""
    head = _piece_at(mask, face)
    if 2 * np.count_nonzero(head & face) < np.count_nonzero(face):
        # Its outline crosses itself, or the frame's edge cuts it into several pieces.
        _, pieces = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
        head = pieces == np.bincount(pieces[face]).argmax()
    outlines, _ = cv2.findContours(head.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, dtype=np.uint8)
    cv2.drawContours(filled, outlines, -1, (1,), cv2.FILLED)
    return filled.view(np.bool_)


def _piece_at(mask: NDArray[np.bool_], face: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected piece of ``mask`` with the first pixel of ``face``."""
    row, column = divmod(int(face.argmax()), face.shape[1])
    painted = mask.astype(np.uint8)
    cv2.floodFill(painted, None, (column, row), (2,), flags=4)
    return painted == 2
