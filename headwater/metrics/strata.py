"""Head pose and expression strength of a view, where its camera is from, and bins of them."""

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import MESH_POINTS

FloatArray = NDArray[np.floating[Any]]

# Sources of masks and cameras of the views: exact ones, or estimates from the images alone.
GIVEN: Final = "given"
ESTIMATED: Final = "estimated"
# The order in which figures are shown: first those of the cameras that users have.
CAMERAS: Final = (ESTIMATED, GIVEN)
YAW_EDGES_DEGREES: Final = (0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 180.0)
# Bins of pitch, positive for a camera above the face.
PITCH_EDGES_DEGREES: Final = (-90.0, -30.0, -15.0, 15.0, 30.0, 90.0)
EXPRESSION_EDGES_MM: Final = (0.0, 0.5, 2.0, float("inf"))


def yaw_degrees(rotation: FloatArray) -> float:
    """Turn of the head about its vertical axis, as the camera with this rotation (3, 3) sees it.

    0 from the front; positive when the camera stands on the subject's left. rotation: head frame
    to OpenCV camera frame.
    """
    toward_camera = -np.asarray(rotation, dtype=np.float64)[2]
    return float(np.degrees(np.arctan2(toward_camera[0], toward_camera[2])))


def pitch_degrees(rotation: FloatArray) -> float:
    """Angle by which the camera with this rotation (3, 3) stands above the head, -90 to 90.

    rotation: head frame to OpenCV camera frame.
    """
    toward_camera = -np.asarray(rotation, dtype=np.float64)[2]
    return float(np.degrees(np.arcsin(np.clip(toward_camera[1], -1.0, 1.0))))


def expression_strength_mm(landmarks_478: FloatArray, neutral_478: FloatArray) -> float:
    """Mean displacement, mm, of the 468 face-mesh points (478, 3) from the neutral face's."""
    moved = np.asarray(landmarks_478[:MESH_POINTS]) - neutral_478[:MESH_POINTS]
    return float(np.linalg.norm(moved, axis=1).mean())


def bin_names(edges: tuple[float, ...]) -> list[str]:
    """Names of the bins between ``edges``, as ``0_15`` or ``2_up`` for one without an end."""
    return [f"{low:g}_{'up' if np.isinf(high) else f'{high:g}'}" for low, high in pairwise(edges)]


def bin_numbers(values: FloatArray, edges: tuple[float, ...]) -> NDArray[np.intp]:
    """Bin (n,) of each value (n,); a value on an edge is in the upper bin, the last edge included.

    Raises ValueError for values outside all bins.
    """
    numbers = np.searchsorted(edges, values, side="right") - 1
    numbers = np.where(np.asarray(values) == edges[-1], len(edges) - 2, numbers)
    if ((numbers < 0) | (numbers > len(edges) - 2)).any():
        raise ValueError(f"values outside of {edges[0]} to {edges[-1]}: {values}")
    return np.asarray(numbers)
