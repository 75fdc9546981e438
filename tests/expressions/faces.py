"""A drawn face: MediaPipe's points placed by hand where the patterns look, mirrored exactly."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headwater.expressions.amounts import Amounts
from headwater.faces import vocabulary as sets
from headwater.faces.parts import part_labels

SIZE = 256


def _arc(
    points: NDArray[np.float32],
    loop: tuple[int, ...],
    start: tuple[float, float],
    end: tuple[float, float],
    bulge: float,
) -> None:
    """Place a line of points from one place to another, its middle ``bulge`` px lower."""
    share = np.linspace(0.0, 1.0, len(loop))
    for axis in range(2):
        points[list(loop), axis] = start[axis] + share * (end[axis] - start[axis])
    points[list(loop), 1] += bulge * np.sqrt(1.0 - (2.0 * share - 1.0) ** 2)


def drawn_face(opening: float = 0.0) -> NDArray[np.float32]:
    """Landmarks (478, 3), px, of a level frontal face in a picture of ``SIZE`` px a side.

    opening: of the mouth, px. The face is its own mirror image.
    """
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = SIZE / 2
    angles = np.linspace(0, 2 * np.pi, len(sets.FACE_OVAL), endpoint=False)
    points[list(sets.FACE_OVAL), 0] = SIZE / 2 + 80 * np.sin(angles)
    points[list(sets.FACE_OVAL), 1] = SIZE / 2 - 105 * np.cos(angles)
    nose = [0, 4, 6, 8, 9, 9, 12, 9, 6, 4, 0]
    right_side = sets.NOSE[: len(nose)]
    points[list(right_side), 0] = SIZE / 2 - np.array(nose)
    points[list(right_side), 1] = np.linspace(100, 150, len(nose))
    _arc(points, sets.RIGHT_UPPER_LID, (76, 104), (112, 104), -7)
    _arc(points, sets.RIGHT_LOWER_LID, (76, 104), (112, 104), 5)
    _arc(points, sets.RIGHT_BROW[:5], (70, 84), (114, 86), -6)
    _arc(points, sets.RIGHT_BROW[:4:-1], (70, 88), (114, 92), -6)
    middle = SIZE / 2
    for line, bulge in (
        (sets.UPPER_LIP_TOP, -9.0),
        (sets.LOWER_LIP_BOTTOM, 11.0 + opening),
    ):
        _arc(points, line, (middle - 30, 178), (middle + 30, 178), bulge)
    for line, bulge in ((sets.UPPER_LIP_BOTTOM, 0.0), (sets.LOWER_LIP_TOP, opening)):
        _arc(points, line, (middle - 26, 178), (middle + 26, 178), bulge)
    return _symmetric(points)


def _symmetric(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The points with the left half being the mirror image of the right one."""
    made = points.copy()
    right = points[:, 0] < SIZE / 2
    partners = sets.MIRROR_PARTNERS
    made[partners[right]] = points[right] * (-1, 1, 1) + np.float32([SIZE, 0, 0])
    return made


def mirrored(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks (478, 3) of the mirror image of a picture of ``SIZE`` px a side."""
    flipped = landmarks * np.float32([-1, 1, 1]) + np.float32([SIZE, 0, 0])
    made: NDArray[np.float32] = flipped[sets.MIRROR_PARTNERS]
    return made


def mirrored_amounts(amounts: Amounts) -> Amounts:
    """The same amounts of the mirror image."""
    return replace(amounts, towards=-amounts.towards)


def rolled(landmarks: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Landmarks (478, 3) turned about the picture's middle."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    made = landmarks.copy()
    made[:, :2] = (landmarks[:, :2] - SIZE / 2) @ turn.T + SIZE / 2
    return made


def parts_of(landmarks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The part ids (``SIZE``, ``SIZE``) of a drawn face."""
    return part_labels(landmarks, SIZE, SIZE)
