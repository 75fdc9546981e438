"""Cuts of a photo by an affine map: smooth where they shrink it, replicated beyond its borders."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.faces.affine import about_pixel_centres, shift

_MARGIN_PX: Final = 2


def resampled(
    rgb: NDArray[np.uint8], affine: NDArray[np.float64], width: int, height: int
) -> NDArray[np.uint8]:
    """The (height, width, 3) cut of an (H, W, 3) photo, whose pixels the map (2, 3) sends there.

    Where it shrinks the photo, pixels are averaged: over a whole factor exactly, and over the rest,
    less than two, by a Gaussian of the same variance. Beyond the photo its border is replicated.
    """
    shrinkage = 1 / np.sqrt(np.linalg.det(affine[:, :2]))
    factor = max(1, int(shrinkage + 1e-9))
    low, high = _needed(affine, width, height, factor)
    inside = bool((low >= 0).all() and (high <= rgb.shape[1::-1]).all())
    part, x, y = _part(rgb, low, high, factor)
    if factor > 1:
        size = part.shape[1] // factor, part.shape[0] // factor
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    rest = shrinkage / factor
    if rest > 1:
        spread = float(np.sqrt((rest**2 - 1) / 12))
        part = cv2.GaussianBlur(part, (3, 3), spread).astype(np.uint8, copy=False)
    to_cut = np.vstack([affine, [0.0, 0.0, 1.0]]) @ shift(x, y) @ np.diag([factor, factor, 1.0])
    cut = cv2.warpAffine(
        part,
        about_pixel_centres(to_cut)[:2],
        (width, height),
        flags=cv2.INTER_LINEAR,
        # A border that no pixel asks for: to replicate it takes half as long again.
        borderMode=cv2.BORDER_CONSTANT if inside else cv2.BORDER_REPLICATE,
    )
    return cut.astype(np.uint8, copy=False)


def _needed(
    affine: NDArray[np.float64], width: int, height: int, factor: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Low and high corner (2,) of the photo's pixels that a cut needs, also beyond the photo."""
    back = np.linalg.inv(np.vstack([affine, [0.0, 0.0, 1.0]]))
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ back.T
    margin = _MARGIN_PX * factor + _MARGIN_PX
    low = np.floor(corners[:, :2].min(axis=0)) - margin
    high = np.ceil(corners[:, :2].max(axis=0)) + margin
    return low.astype(np.intp), high.astype(np.intp)


def _part(
    rgb: NDArray[np.uint8], low: NDArray[np.intp], high: NDArray[np.intp], factor: int
) -> tuple[NDArray[np.uint8], int, int]:
    """The photo's pixels from low to high, sides a multiple of ``factor``, and their origin.

    Where the photo ends before such a multiple its border is replicated.
    """
    size = np.array(rgb.shape[1::-1])
    low = np.clip(low, 0, size - 1)
    high = np.clip(high, low + 1, size)
    high = np.minimum(high + (low - high) % factor, size)
    part = rgb[low[1] : high[1], low[0] : high[0]]
    right, bottom = -part.shape[1] % factor, -part.shape[0] % factor
    if right or bottom:
        part = cv2.copyMakeBorder(part, 0, bottom, 0, right, cv2.BORDER_REPLICATE).astype(np.uint8)
    return part, int(low[0]), int(low[1])
