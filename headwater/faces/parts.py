"""The 8 face parts of a frame, drawn from its landmarks."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets

_SUBPIXEL_BITS: Final = 6


def part_labels(landmarks_478: NDArray[np.float32], height: int, width: int) -> NDArray[np.uint8]:
    """Part ids (height, width) uint8 from points (478, 2 or 3) in px of that image."""
    labels = np.zeros((height, width), dtype=np.uint8)
    for part, loop in sets.PART_OUTLINES:
        fill_polygon(labels, landmarks_478[list(loop), :2], int(part))
    return labels


def polygon_mask(
    landmarks_478: NDArray[np.float32], loop: Sequence[int], height: int, width: int
) -> NDArray[np.bool_]:
    """Pixels (height, width) inside a loop of landmarks, px."""
    mask = np.zeros((height, width), dtype=np.uint8)
    fill_polygon(mask, landmarks_478[list(loop), :2], 1)
    return mask.view(np.bool_)


def fill_polygon(
    labels: NDArray[np.uint8], points: NDArray[np.float32], value: int, smooth: bool = False
) -> None:
    """Set the pixels inside a polygon (n, 2), px with centres at + 0.5, in place.

    smooth: pixels on the edge get a share of ``value`` over what they had.
    """
    # OpenCV counts from pixel centres and takes fixed-point numbers.
    fixed = np.rint((points.astype(np.float64) - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)
    edge = cv2.LINE_AA if smooth else cv2.LINE_8
    cv2.fillPoly(labels, [fixed], (value,), lineType=edge, shift=_SUBPIXEL_BITS)
