"""The shared canonical space: origin at the nose bridge, x left, y up, z out, 1 unit = 100 mm."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

UNIT_MM: Final = 100.0

FloatArray = NDArray[np.floating[Any]]


def to_canonical(points_mm: FloatArray, origin_mm: FloatArray) -> NDArray[np.float32]:
    """Points (..., 3) from mm in the head frame to canonical units."""
    return ((points_mm.astype(np.float64) - origin_mm) / UNIT_MM).astype(np.float32)


def to_head_frame(points: FloatArray, origin_mm: FloatArray) -> NDArray[np.float32]:
    """Points (..., 3) from canonical units to mm in the head frame."""
    return (points.astype(np.float64) * UNIT_MM + origin_mm).astype(np.float32)


def canonical_projection(
    intrinsics: FloatArray, rotation: FloatArray, translation: FloatArray, origin_mm: FloatArray
) -> NDArray[np.float64]:
    """(3, 4) projection from canonical units to pixels.

    intrinsics (3, 3) px, rotation (3, 3) and translation (3,) mm take head-frame points to pixels;
    origin_mm (3,) is the canonical origin in the head frame. The third row gives depth in units.
    """
    moved = (rotation.astype(np.float64) @ origin_mm + translation) / UNIT_MM
    return np.asarray(
        intrinsics.astype(np.float64) @ np.concatenate([rotation, moved[:, None]], axis=1)
    )
