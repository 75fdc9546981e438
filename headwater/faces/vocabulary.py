"""Names of a face: MediaPipe's 478 mesh points, sets of them, the iBUG-68 points, face parts.

Left and right are the subject's: 33 and 133 are the corners of the subject's *right* eye, which
is on the left of an unmirrored photo. Loops run around a part without repeating the first point.
Used alike for photos and for the points fixed on head models. Imports nothing of Headwater.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.floating[Any])

COUNT_478: Final = 478
# The points with an edge of the mesh; the ten of the irises, after them, float above it.
MESH_POINTS: Final = 468

NOSE_TIP: Final = 4
NOSE_BASE: Final = 2
NOSE_BRIDGE: Final = 168
RIGHT_OUTER_EYE_CORNER: Final = 33
LEFT_OUTER_EYE_CORNER: Final = 263
RIGHT_INNER_EYE_CORNER: Final = 133
LEFT_INNER_EYE_CORNER: Final = 362
RIGHT_MOUTH_CORNER: Final = 61
LEFT_MOUTH_CORNER: Final = 291
# The ends of the face oval.
FOREHEAD: Final = 10
CHIN: Final = 152
RIGHT_SIDE: Final = 234
LEFT_SIDE: Final = 454

RIGHT_EYE: Final = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE: Final = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)

# Lids from the outer to the inner corner, corners included.
RIGHT_UPPER_LID: Final = RIGHT_EYE[:9]
RIGHT_LOWER_LID: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_UPPER_LID: Final = LEFT_EYE[:9]
LEFT_LOWER_LID: Final = (263, 249, 390, 373, 374, 380, 381, 382, 362)

RIGHT_BROW: Final = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW: Final = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)

# Lip lines from the subject's right mouth corner to the left one, corners included.
UPPER_LIP_TOP: Final = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
UPPER_LIP_BOTTOM: Final = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP_TOP: Final = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
LOWER_LIP_BOTTOM: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)

OUTER_LIPS: Final = UPPER_LIP_TOP + LOWER_LIP_BOTTOM[-2:0:-1]
INNER_LIPS: Final = UPPER_LIP_BOTTOM + LOWER_LIP_TOP[-2:0:-1]
UPPER_LIP: Final = UPPER_LIP_TOP + UPPER_LIP_BOTTOM[::-1]
LOWER_LIP: Final = LOWER_LIP_TOP + LOWER_LIP_BOTTOM[::-1]

# Bridge, the subject's right side, right ala, base, left ala, left side.
NOSE: Final = (
    *(168, 122, 188, 217, 209, 49, 129, 64, 98, 97, 2),
    *(326, 327, 294, 358, 279, 429, 437, 412, 351),
)

FACE_OVAL: Final = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288),
    *(397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136),
    *(172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)

RIGHT_IRIS_CENTRE: Final = 468
RIGHT_IRIS: Final = (469, 470, 471, 472)
LEFT_IRIS_CENTRE: Final = 473
LEFT_IRIS: Final = (474, 475, 476, 477)

# The mesh is numbered side by side: 28 points in the middle, the subject's right half in ascending
# order below 248, and the left half in the same order from there on.
MIDLINE: Final = (
    *(0, 1, 2, 4, 5, 6, *range(8, 20)),
    *(94, 151, 152, 164, 168, 175, 195, 197, 199, 200),
)
_FIRST_LEFT: Final = 248


def _mirror_partners() -> NDArray[np.int32]:
    partners = np.arange(COUNT_478, dtype=np.int32)
    right = np.setdiff1d(np.arange(_FIRST_LEFT), MIDLINE)
    left = np.arange(_FIRST_LEFT, MESH_POINTS)
    partners[right], partners[left] = left, right
    right_iris = [RIGHT_IRIS_CENTRE, *RIGHT_IRIS]
    left_iris = [LEFT_IRIS_CENTRE, *(LEFT_IRIS[n] for n in (2, 1, 0, 3))]
    partners[right_iris], partners[left_iris] = left_iris, right_iris
    partners.setflags(write=False)
    return partners


# For each of the 478 points the one on the other side of the face.
MIRROR_PARTNERS: Final[NDArray[np.int32]] = _mirror_partners()

# iBUG-68 order (Sagonas et al. 2013): jaw from the subject's right ear over the chin (8) to the
# left ear, right brow, left brow, nose bridge, nose base, right eye, left eye, outer lips, inner
# lips. The jaw points are those of the face oval nearest to equal spacing.
IBUG68_FROM_478: Final[NDArray[np.int32]] = np.array(
    [
        *(127, 234, 132, 58, 172, 136, 149, 176, 152, 400, 378, 365, 397, 288, 361, 454, 356),
        *(70, 63, 105, 66, 107),
        *(336, 296, 334, 293, 300),
        *(168, 197, 5, 4),
        *(98, 97, 2, 326, 327),
        *(33, 160, 158, 133, 153, 144),
        *(362, 385, 387, 263, 373, 380),
        *(61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),
        *(78, 81, 13, 311, 308, 402, 14, 178),
    ],
    dtype=np.int32,
)
IBUG68_FROM_478.setflags(write=False)

# Rows of the 68 points.
IBUG_JAW: Final = slice(0, 17)
IBUG_INSIDE: Final = slice(17, 68)
IBUG_MOUTH: Final = slice(48, 68)
IBUG_EAR_TO_EAR: Final = (0, 16)
IBUG_NOSE_TIP: Final = 30
# Corner, two points of the upper lid, corner, two points of the lower lid.
IBUG_RIGHT_EYE: Final = slice(36, 42)
IBUG_LEFT_EYE: Final = slice(42, 48)
# Corner, three points of the upper lip's lower line, corner, three of the lower lip's upper line.
IBUG_INNER_LIPS: Final = slice(60, 68)
# The distance of the outer eye corners normalises landmark errors (300-W).
IBUG_RIGHT_OUTER_EYE_CORNER: Final = 36
IBUG_LEFT_OUTER_EYE_CORNER: Final = 45

# How far each of the 68 tells a head's pose: the jaw and the lips move with the expression, and the
# jaw line of a turned face is a silhouette rather than a fixed set of points.
IBUG_POSE_WEIGHTS: Final[NDArray[np.float64]] = np.ones(68)
IBUG_POSE_WEIGHTS[IBUG_JAW] = 0.3
IBUG_POSE_WEIGHTS[IBUG_MOUTH] = 0.5
IBUG_POSE_WEIGHTS.setflags(write=False)

# The six points of the H3DS benchmark, in the order of its files, among the 478. Its eyes are the
# inner corners.
H3DS_FROM_478: Final[Mapping[str, int]] = MappingProxyType(
    {
        "right_eye": RIGHT_INNER_EYE_CORNER,
        "left_eye": LEFT_INNER_EYE_CORNER,
        "nose_tip": NOSE_TIP,
        "nose_base": NOSE_BASE,
        "right_lips": RIGHT_MOUTH_CORNER,
        "left_lips": LEFT_MOUTH_CORNER,
    }
)


class Part(IntEnum):
    """Ids of face parts in label maps."""

    NONE = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    LEFT_BROW = 3
    RIGHT_BROW = 4
    NOSE = 5
    UPPER_LIP = 6
    LOWER_LIP = 7
    SKIN = 8

    @property
    def title(self) -> str:
        """The name in words, as "left eye"."""
        return self.name.lower().replace("_", " ")


class FaceClass(IntEnum):
    """Ids of all that a picture of a person shows; the parts have their ids of ``Part``.

    Skin is all of the head's that is no other class; below the jaw line it is the neck's. Glasses
    are their frame alone: what is seen through a lens has its own class.
    """

    BACKGROUND = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    LEFT_BROW = 3
    RIGHT_BROW = 4
    NOSE = 5
    UPPER_LIP = 6
    LOWER_LIP = 7
    SKIN = 8
    MOUTH_INTERIOR = 9
    HAIR = 10
    NECK = 11
    EARS = 12
    GLASSES = 13
    HAT = 14
    CLOTHES = 15

    @property
    def title(self) -> str:
        """The name in words, as "mouth interior"."""
        return self.name.lower().replace("_", " ")


# Outlines of the parts, drawn one over the other: the open mouth's inside is cut out of the skin,
# and the lips lie on top.
PART_OUTLINES: Final[tuple[tuple[Part, tuple[int, ...]], ...]] = (
    (Part.SKIN, FACE_OVAL),
    (Part.NONE, INNER_LIPS),
    (Part.NOSE, NOSE),
    (Part.UPPER_LIP, UPPER_LIP),
    (Part.LOWER_LIP, LOWER_LIP),
    (Part.LEFT_EYE, LEFT_EYE),
    (Part.RIGHT_EYE, RIGHT_EYE),
    (Part.LEFT_BROW, LEFT_BROW),
    (Part.RIGHT_BROW, RIGHT_BROW),
)

# For each part, by id, the one that it becomes in a mirror image.
MIRRORED_PARTS: Final[NDArray[np.uint8]] = np.array(
    [
        *(Part.NONE, Part.RIGHT_EYE, Part.LEFT_EYE, Part.RIGHT_BROW, Part.LEFT_BROW),
        *(Part.NOSE, Part.UPPER_LIP, Part.LOWER_LIP, Part.SKIN),
    ],
    dtype=np.uint8,
)
MIRRORED_PARTS.setflags(write=False)

# All parts but ``NONE``, by id.
FACE_PARTS: Final = tuple(part for part in Part if part is not Part.NONE)


def ibug68(landmarks_478: NDArray[Scalar]) -> NDArray[Scalar]:
    """The 68 points (..., 68, D) of 478 points (..., 478, D), same unit and frame."""
    return landmarks_478[..., IBUG68_FROM_478, :]


def outer_eye_distance(landmarks_68: NDArray[np.floating[Any]]) -> float:
    """Distance of the outer eye corners of (68, D) points, in their unit (300-W's normaliser)."""
    corners = landmarks_68[[IBUG_RIGHT_OUTER_EYE_CORNER, IBUG_LEFT_OUTER_EYE_CORNER]]
    return float(np.linalg.norm(corners[0].astype(np.float64) - corners[1].astype(np.float64)))
