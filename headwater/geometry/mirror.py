"""Partners of points on the other side of a head, by the mirror image x -> -x."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

Points = NDArray[np.floating[Any]]

_ACROSS = np.array([-1.0, 1.0, 1.0])


def mirror_partners(points: Points, tolerance_mm: float) -> NDArray[np.intp]:
    """For each point (n, 3) mm the one nearest to its mirror image; -1 where none is near enough.

    Several points may have the same partner.
    """
    distance, partner = cKDTree(points).query(np.asarray(points, np.float64) * _ACROSS)
    return np.where(distance <= tolerance_mm, partner, -1)


def mirror_pairs(points: Points, tolerance_mm: float) -> NDArray[np.intp] | None:
    """Partners (n,) of points (n, 3) mm, each the other's: one in the middle is its own.

    The nearest, where these are pairs. Otherwise, for points that are only roughly symmetric, the
    one-to-one assignment within the tolerance of the least sum of distances. None when there is
    none, or it is no pairing.
    """
    partner = mirror_partners(points, tolerance_mm)
    if (partner < 0).any():
        return None
    if not _are_pairs(partner):
        partner = _assignment(np.asarray(points, np.float64), tolerance_mm)
    return partner if _are_pairs(partner) else None


def _are_pairs(partner: NDArray[np.intp]) -> bool:
    return len(partner) > 0 and np.array_equal(partner[partner], np.arange(len(partner)))


def _assignment(points: NDArray[np.float64], tolerance_mm: float) -> NDArray[np.intp]:
    """Partners (n,) of the least sum of distances; empty when not all points can have one."""
    near = cKDTree(points).sparse_distance_matrix(
        cKDTree(points * _ACROSS), tolerance_mm, output_type="ndarray"
    )
    # A weight of zero would be no edge at all.
    weights = near["v"] + 1e-9 * tolerance_mm
    edges = coo_array((weights, (near["i"], near["j"])), shape=(len(points),) * 2)
    try:
        _, partner = min_weight_full_bipartite_matching(edges.tocsr())
    except ValueError:
        return np.zeros(0, np.intp)
    return np.asarray(partner, np.intp)
