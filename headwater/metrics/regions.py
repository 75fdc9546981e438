"""Agreement of masks and of part labels."""

import numpy as np
from numpy.typing import NDArray


def intersection_over_union(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks of one shape; 1 when both are empty."""
    if a.shape != b.shape:
        raise ValueError(f"masks differ in shape: {a.shape} and {b.shape}")
    union = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / union) if union else 1.0


def part_intersection_over_union(
    predicted: NDArray[np.uint8], truth: NDArray[np.uint8], parts: int
) -> NDArray[np.float64]:
    """Intersection over union per label.

    predicted, truth: (H, W) uint8 with ids 0..parts, 255 in ``truth`` = unknown, left out.
    Returns (parts + 1,) float64; NaN for a label that neither image has.
    """
    known = truth != 255
    pairs = truth[known].astype(np.int64) * 256 + predicted[known]
    table = np.bincount(pairs, minlength=65536).reshape(256, 256)
    both = np.diagonal(table)
    either = table.sum(axis=0) + table.sum(axis=1) - both
    with np.errstate(invalid="ignore"):
        return np.asarray((both / either)[: parts + 1])
