"""Affine maps of pixel coordinates, and points, boxes and labels through them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]


def area(box: Box) -> float:
    """Area in px of a box left, top, right, bottom."""
    return (box[2] - box[0]) * (box[3] - box[1])


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


def inverted(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse (2, 3) of an affine map (2, 3)."""
    return np.asarray(np.linalg.inv(np.vstack([affine, [0.0, 0.0, 1.0]]))[:2])


def about_pixel_centres(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A map (3, 3) of our pixels, whose centres are at + 0.5, as OpenCV counts them, at + 0."""
    return shift(-0.5, -0.5) @ matrix @ shift(0.5, 0.5)


def inside_photo(
    affine: NDArray[np.float64], photo_width: int, photo_height: int, width: int, height: int
) -> NDArray[np.bool_]:
    """Pixels (height, width) of a cut that show the photo; the others replicate its border.

    affine: (2, 3), px of the photo to px of the cut.
    """
    back = np.linalg.inv(np.vstack([affine, [0.0, 0.0, 1.0]]))
    columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
    # The photo is convex: of each row of the cut it shows the columns from a first to a last one.
    first, end = np.zeros(height), np.full(height, float(width))
    for (along, across, offset), size in zip(back, (photo_width, photo_height), strict=False):
        start = across * rows + offset
        if along == 0:
            end[(start < 0) | (start >= size)] = 0
            continue
        low, high = -start / along, (size - start) / along
        if along < 0:
            low, high = np.nextafter(high, np.inf), np.nextafter(low, np.inf)
        first, end = np.maximum(first, low), np.minimum(end, high)
    if first.max() <= columns[0] and end.min() > columns[-1]:
        return np.ones((height, width), np.bool_)
    inside: NDArray[np.bool_] = (columns >= first[:, None]) & (columns < end[:, None])
    return inside


def labels_in_frame(
    labels: NDArray[np.uint8], frame_from_photo: NDArray[np.float64], width: int, height: int
) -> NDArray[np.uint8]:
    """Labels (H, W) of a photo as its frame (height, width) shows them, 0 outside; never mixed.

    frame_from_photo: (2, 3), px of the photo to px of the frame.
    """
    # Pillow too has pixel centres at integer + 0.5 and takes the map from output to input.
    moved = Image.fromarray(labels).transform(
        (width, height),
        Image.Transform.AFFINE,
        tuple(inverted(frame_from_photo).ravel()),
        Image.Resampling.NEAREST,
    )
    return np.array(moved, dtype=np.uint8)


def map_points(affine: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points (n, 2) or (n, 3) with x and y sent through a map (2, 3) or (3, 3); z is kept."""
    moved = points.astype(np.float64)
    moved[:, :2] = moved[:, :2] @ affine[:2, :2].T + affine[:2, 2]
    return moved.astype(np.float32)
