"""Affine maps of pixel coordinates: whole-pixel cuts, quarter turns, and points through maps."""

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]


def area(box: Box) -> float:
    """Area in px of a box left, top, right, bottom."""
    return (box[2] - box[0]) * (box[3] - box[1])


def square_around(box: Box, factor: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the whole pixels of a square about the box's centre.

    Its side is ``factor`` times the box's longer side; it is clipped to the (height, width) image
    and keeps at least one pixel.
    """
    half = 0.5 * factor * max(box[2] - box[0], box[3] - box[1])
    x0, x1 = _span(0.5 * (box[0] + box[2]) - half, 0.5 * (box[0] + box[2]) + half, width)
    y0, y1 = _span(0.5 * (box[1] + box[3]) - half, 0.5 * (box[1] + box[3]) + half, height)
    return x0, y0, x1, y1


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    first = min(max(int(np.floor(low)), 0), size - 1)
    return first, max(min(int(np.ceil(high)), size), first + 1)


def shift(x: float, y: float) -> NDArray[np.float64]:
    """Map (3, 3) that adds (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def turn(quarter_turns: int, width: int, height: int) -> NDArray[np.float64]:
    """Map (3, 3) of pixels by ``np.rot90`` (counter-clockwise) of a (height, width) image."""
    matrix = np.eye(3)
    for _ in range(quarter_turns % 4):
        matrix = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, width], [0.0, 0.0, 1.0]]) @ matrix
        width, height = height, width
    return matrix


def map_points(affine: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points (n, 2) or (n, 3) with x and y sent through a map (2, 3) or (3, 3); z is kept."""
    moved = points.astype(np.float64)
    moved[:, :2] = moved[:, :2] @ affine[:2, :2].T + affine[:2, 2]
    return moved.astype(np.float32)


def map_box(affine: NDArray[np.float64], box: Box) -> Box:
    """Box around the image of ``box``'s corners under a map (2, 3)."""
    left, top, right, bottom = box
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
    moved = corners @ affine[:, :2].T + affine[:, 2]
    (x0, y0), (x1, y1) = moved.min(axis=0), moved.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = area(first) + area(second) - shared
    return shared / union if union > 0 else 0.0
