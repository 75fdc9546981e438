"""Optimal-step non-rigid ICP (Amberg 2007): an affine map per vertex, stiff along the edges.

Stages, weights and limits are those of REALY's evaluator, which bends a scan onto its nearest
points of a prediction. Each step minimises, over maps X_i (4, 3) of homogeneous points p_i,

    alpha^2 sum_edges |G (X_i - X_j)|^2 + sum_i w_i |p_i X_i - t_i|^2 + sum_k u^2 |p_k X_k - q_k|^2

with the nearest targets t_i, where w_i is 0 for far ones, and the keypoints' targets q_k. The next
step begins from the points that this one has moved.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

STAGES: Final = 3
STIFFNESS: Final = 50.0  # alpha of the first stage; times exp(-1/2) in each further one
STIFF_ROWS: Final = (1.0, 1.0, 1.0, 1.0)  # diagonal of G: x, y, z and translation
KEYPOINT_STIFFNESS: Final = 150.0  # of the first step, which looks at keypoints alone
KEYPOINT_STIFF_ROWS: Final = (2.0, 2.0, 3.0, 2.0)
KEYPOINT_WEIGHT: Final = 50.0  # u of the first step
STEPS_WITH_KEYPOINTS: Final = 11  # of a stage
STEPS: Final = 100  # without keypoints; the evaluator has no limit there
NEAR: Final = 1.0  # in the scan's unit: targets up to here count, however near the others are
# Weight of |X_i - identity|^2, by which maps that nothing else fixes (of a flat or loose piece)
# leave their points in place. The evaluator lacks it and cannot solve for such scans.
REST: Final = 1e-6

Float64Array = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]


class Keypoints(NamedTuple):
    """Vertices with known targets: rows (k,) of the vertices, and places (k, 3) in their frame."""

    rows: IntArray
    places: Float64Array


def nonrigid_icp(
    vertices: Float64Array,
    faces: IntArray,
    targets: Float64Array,
    keypoints: Keypoints | None = None,
) -> Float64Array:
    """Vertices (n, 3) of a mesh after it was bent onto the points ``targets`` (m, 3).

    faces: (f, 3). With keypoints, a first step moves them alone, and their pull then fades from
    step to step. All lengths are in the scan's unit, on which ``NEAR`` depends.
    """
    edges = _edge_laplacian(faces, len(vertices))
    tree = cKDTree(targets)
    points, steps = vertices, 0
    maps = np.ones((len(vertices), 4, 3))
    if keypoints is not None:
        stiffness = _stiffness(edges, KEYPOINT_STIFFNESS, KEYPOINT_STIFF_ROWS)
        maps = affine_step(points, stiffness, *_pull(keypoints, len(points), KEYPOINT_WEIGHT))
        points, steps = _moved(points, maps), 1
    change = np.inf
    for stage in range(STAGES):
        stiffness = _stiffness(edges, STIFFNESS * np.exp(-0.5 * stage), STIFF_ROWS)
        for _ in range(STEPS if keypoints is None else STEPS_WITH_KEYPOINTS):
            if change <= 0.5**stage:
                break
            weights, pulled = _nearest(tree, points)
            if keypoints is not None:
                fading = KEYPOINT_WEIGHT / 10.0 * np.exp(-0.9 * steps)
                more, further = _pull(keypoints, len(points), fading)
                weights, pulled = weights + more, pulled + further
            former, maps = maps, affine_step(points, stiffness, weights, pulled)
            points, steps = _moved(points, maps), steps + 1
            change = float(np.linalg.norm(maps - former))
    return points


def affine_step(
    points: Float64Array,
    stiffness: sparse.csr_matrix,
    weights: Float64Array,
    pulled: Float64Array,
) -> Float64Array:
    """The maps (n, 4, 3) that minimise the sum above, for points (n, 3).

    stiffness: (4n, 4n), the first term's normal matrix. weights: (n,) sums of a point's weights;
    pulled: (n, 3) sums of its targets by weight.
    """
    count = len(points)
    rows = _homogeneous(points)
    blocks = weights[:, None, None] * rows[:, :, None] * rows[:, None, :] + REST * np.eye(4)
    places = np.arange(count + 1)
    data = sparse.bsr_matrix((blocks, places[:-1], places), shape=stiffness.shape)
    right = rows[:, :, None] * pulled[:, None, :] + REST * np.eye(4, 3)
    # Symmetric and positive definite: no pivots are sought, so that the fill stays small.
    factors = splu(
        (stiffness + data).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return np.asarray(factors.solve(right.reshape(-1, 3)).reshape(count, 4, 3))


def _nearest(tree: cKDTree, points: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Weights (n,), 1 or 0 for far ones, and weighted nearest targets (n, 3) of points (n, 3)."""
    distances, found = tree.query(points)
    weights = (distances < max(2.0 * distances.mean(), NEAR)).astype(np.float64)
    return weights, weights[:, None] * tree.data[found]


def _pull(keypoints: Keypoints, count: int, weight: float) -> tuple[Float64Array, Float64Array]:
    """Weights (count,) and weighted targets (count, 3) of the keypoints; of two on a vertex one."""
    weights, pulled = np.zeros(count), np.zeros((count, 3))
    weights[keypoints.rows] = weight**2
    pulled[keypoints.rows] = weight**2 * keypoints.places
    return weights, pulled


def _edge_laplacian(faces: IntArray, count: int) -> sparse.csr_matrix:
    """Graph Laplacian (count, count) of a mesh: M^T M of its edges' incidence matrix M."""
    ends = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    ends = np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)
    row = np.repeat(np.arange(len(ends)), 2)
    sign = np.tile([1.0, -1.0], len(ends))
    incidence = sparse.csr_matrix((sign, (row, ends.reshape(-1))), shape=(len(ends), count))
    return (incidence.T @ incidence).tocsr()


def _stiffness(
    edges: sparse.csr_matrix, alpha: float, rows: tuple[float, float, float, float]
) -> sparse.csr_matrix:
    """Normal matrix (4n, 4n) of the first term, from the edges' Laplacian (n, n)."""
    return sparse.kron(edges, np.diag((alpha * np.array(rows)) ** 2), format="csr")


def _homogeneous(points: Float64Array) -> Float64Array:
    return np.column_stack([points, np.ones(len(points))])


def _moved(points: Float64Array, maps: Float64Array) -> Float64Array:
    return np.asarray(np.einsum("ni,nij->nj", _homogeneous(points), maps))
