"""Regions of a face, by the landmarks nearest to each point of its surface.

A vertex belongs to the region of the nearest of the 468 face-mesh points, so the regions are the
same on any mesh that carries those points, whatever its topology and pose.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from headwater.faces.vocabulary import MESH_POINTS

FloatArray = NDArray[np.floating[Any]]

# Further from every landmark lie ears, neck, scalp and the underside of the chin: no region.
REACH_MM: Final = 10.0

# The face-mesh points of each region, alike on both sides. Lids and brows are "eyes"; the upper
# lip up to the nose is "mouth"; "cheeks" reach from the temples to the jaw.
POINTS: Final[dict[str, tuple[int, ...]]] = {
    "nose": (
        *(1, 2, 3, 4, 5, 6, 19, 20, 44, 45, 48, 49, 51, 59, 60, 64, 75, 79, 94, 97, 98, 99),
        *(102, 115, 122, 125, 129, 131, 134, 141, 166, 168, 174, 188, 195, 196, 197, 198),
        *(209, 217, 218, 219, 220, 235, 236, 237, 238, 239, 240, 241, 242, 248, 250, 274),
        *(275, 278, 279, 281, 289, 290, 294, 305, 309, 326, 327, 328, 331, 344, 351, 354),
        *(358, 360, 363, 370, 392, 399, 412, 419, 420, 429, 437, 438, 439, 440, 455, 456),
        *(457, 458, 459, 460, 461, 462),
    ),
    "mouth": (
        *(0, 11, 12, 13, 14, 15, 16, 17, 37, 38, 39, 40, 41, 42, 43, 57, 61, 62, 72, 73, 74),
        *(76, 77, 78, 80, 81, 82, 84, 85, 86, 87, 88, 89, 90, 91, 95, 96, 106, 146, 164),
        *(165, 167, 178, 179, 180, 181, 182, 183, 184, 185, 186, 191, 267, 268, 269, 270),
        *(271, 272, 273, 287, 291, 292, 302, 303, 304, 306, 307, 308, 310, 311, 312, 314),
        *(315, 316, 317, 318, 319, 320, 321, 324, 325, 335, 375, 391, 393, 402, 403, 404),
        *(405, 406, 407, 408, 409, 410, 415),
    ),
    "eyes": (
        *(7, 8, 9, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 33, 46, 52, 53, 55, 56, 63, 65),
        *(66, 70, 105, 107, 110, 112, 113, 130, 133, 144, 145, 153, 154, 155, 157, 158, 159),
        *(160, 161, 163, 173, 189, 190, 193, 221, 222, 223, 224, 225, 226, 232, 233, 243),
        *(244, 245, 246, 247, 249, 252, 253, 254, 255, 256, 257, 258, 259, 260, 261, 263),
        *(276, 282, 283, 285, 286, 293, 295, 296, 300, 334, 336, 339, 341, 342, 359, 362),
        *(373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 413, 414, 417, 441),
        *(442, 443, 444, 445, 446, 452, 453, 463, 464, 465, 466, 467),
    ),
    "forehead": (
        *(10, 21, 54, 67, 68, 69, 71, 103, 104, 108, 109, 151, 162, 251, 284, 297, 298, 299),
        *(301, 332, 333, 337, 338, 389),
    ),
    "cheeks": (
        *(34, 35, 36, 47, 50, 58, 92, 93, 100, 101, 111, 114, 116, 117, 118, 119, 120, 121),
        *(123, 124, 126, 127, 128, 132, 135, 136, 137, 138, 139, 142, 143, 147, 149, 150),
        *(156, 169, 170, 172, 177, 187, 192, 202, 203, 205, 206, 207, 210, 212, 213, 214),
        *(215, 216, 227, 228, 229, 230, 231, 234, 264, 265, 266, 277, 280, 288, 322, 323),
        *(329, 330, 340, 343, 345, 346, 347, 348, 349, 350, 352, 353, 355, 356, 357, 361),
        *(364, 365, 366, 367, 368, 371, 372, 376, 378, 379, 383, 394, 395, 397, 401, 411),
        *(416, 422, 423, 425, 426, 427, 430, 432, 433, 434, 435, 436, 447, 448, 449, 450),
        *(451, 454),
    ),
    "chin": (
        *(18, 32, 83, 140, 148, 152, 171, 175, 176, 194, 199, 200, 201, 204, 208, 211, 262),
        *(313, 369, 377, 396, 400, 418, 421, 424, 428, 431),
    ),
}

REGIONS: Final = tuple(POINTS)
NO_REGION: Final = -1


def _region_of_points() -> NDArray[np.int8]:
    region = np.full(MESH_POINTS, NO_REGION, dtype=np.int8)
    for number, points in enumerate(POINTS.values()):
        region[list(points)] = number
    return region


REGION_OF_POINT: Final = _region_of_points()
REGION_OF_POINT.setflags(write=False)


def face_regions(points: FloatArray, landmarks_478: FloatArray) -> NDArray[np.int8]:
    """Index (n,) into ``REGIONS`` of points (n, 3) mm, -1 where none is near.

    landmarks_478: (478, 3) mm on the same surface; the irises' ten are not used.
    """
    distance, nearest = cKDTree(landmarks_478[:MESH_POINTS]).query(points)
    return np.where(distance <= REACH_MM, REGION_OF_POINT[nearest], np.int8(NO_REGION))


def region_means(distances: FloatArray, regions: NDArray[np.int8]) -> dict[str, float]:
    """Mean of distances (n,) over each region (n,); NaN for a region without a point."""
    return {
        name: float(distances[regions == number].mean()) if (regions == number).any() else np.nan
        for number, name in enumerate(REGIONS)
    }
