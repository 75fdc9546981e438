"""Distance of a face mesh from the shape that faces have."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.registration import umeyama

# Places to the subject's left, down and back from the middle of the face oval, in face widths
# (points 234 to 454); means of MediaPipe's meshes of 11 frontal portraits.
_SIDED: Final = {
    (33, 263): (0.316, -0.191, -0.144),
    (133, 362): (0.119, -0.180, -0.183),
    (234, 454): (0.500, -0.022, 0.239),
    (61, 291): (0.192, 0.273, -0.226),
    (129, 358): (0.150, 0.063, -0.272),
    (70, 300): (0.410, -0.298, -0.129),
    (107, 336): (0.104, -0.353, -0.298),
}
_MIDDLE: Final = {
    10: (0.0, -0.572, -0.239),
    168: (0.0, -0.230, -0.300),
    1: (0.0, 0.074, -0.470),
    2: (0.0, 0.123, -0.362),
    0: (0.0, 0.221, -0.364),
    17: (0.0, 0.357, -0.340),
    152: (0.0, 0.616, -0.239),
}
_POINTS: Final = [point for pair in _SIDED for point in pair] + list(_MIDDLE)
_SHAPE: Final = np.array(
    [(side * x, y, z) for x, y, z in _SIDED.values() for side in (-1, 1)] + list(_MIDDLE.values())
)


def misfit(landmarks_478: NDArray[np.float32]) -> float:
    """Root mean square distance of a mesh (478, 3), px, from a mean face, in face widths.

    After the best similarity transform (Umeyama 1991); infinite for points on one line.
    """
    points = landmarks_478[_POINTS].astype(np.float64)
    try:
        place = umeyama(_SHAPE, points, with_scale=True)
    except ValueError:
        return float("inf")
    off = points - place.apply(_SHAPE)
    return float(np.sqrt((off**2).sum(axis=1).mean()) / max(place.scale, 1e-9))
