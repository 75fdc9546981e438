"""A score the slow and obvious way: one search widened for all points, both regions apart.

Tests compare with it, and ``make bench`` measures beside it.
"""

import numpy as np
from scipy.spatial import cKDTree

from headwater.faces.vocabulary import IBUG68_FROM_478, NOSE_TIP
from headwater.geometry.registration import rigid_icp, umeyama
from headwater.metrics.benchmark import TruthHead
from headwater.metrics.face_regions import region_means
from headwater.metrics.h3ds import (
    FACE_RADIUS_MM,
    coarse,
    face_sphere,
    landmarks_of,
    region_distances,
)
from headwater.metrics.scan_to_mesh import CUT_MARGIN_MM, MAX_RMS_MM, SAMPLE_EDGE_MM
from headwater.metrics.surfaces import (
    MOST_PIECES,
    _cuts,
    _piece_weights,
    area_samples,
    subdivide,
)

PIECE_MM = 3.0
FEW = 8


class WideningSearch:
    """Exact distances by way of alike small pieces, whose one radius bounds them all closely.

    The pieces are tried from the nearest centre on, until no further one can be nearer than the
    best: its centre is further away than that plus a piece's radius.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        whole = np.asarray(vertices, dtype=np.float64)[faces]
        cuts = _cuts(whole, PIECE_MM, MOST_PIECES)
        self._pieces = np.concatenate(
            [
                np.einsum("pkj,fjc->fpkc", _piece_weights(count), whole[cuts == count]).reshape(
                    -1, 3, 3
                )
                for count in np.unique(cuts)
            ]
        )
        centres = self._pieces.mean(axis=1)
        reach = ((self._pieces - centres[:, None]) ** 2).sum(axis=2).max(initial=0.0)
        self._radius = float(np.sqrt(reach))
        self._tree = cKDTree(centres, balanced_tree=False, compact_nodes=False)

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Distance (n,) mm of points (n, 3) to the surface."""
        best = np.full(len(points), np.inf)
        open_rows, few = np.arange(len(points)), FEW
        while len(open_rows):
            few = min(few, self._tree.n)
            away, pieces = self._tree.query(points[open_rows], k=np.arange(1, few + 1))
            tried = point_triangle_distances(
                np.repeat(points[open_rows], few, axis=0), self._pieces[pieces.ravel()]
            )
            best[open_rows] = tried.reshape(-1, few).min(axis=1)
            if few == self._tree.n:
                break
            open_rows = open_rows[away[:, -1] - self._radius < best[open_rows]]
            few *= 4
        return best


def point_triangle_distances(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Distance (n,) of points (n, 3) to triangles (n, 3, 3), row by row.

    Either the foot of the perpendicular lies in the triangle, or an edge is nearest. An empty
    triangle counts as its edges.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    area = np.einsum("nc,nc->n", normal, normal)
    inside = area > 0
    edge = np.full(len(points), np.inf)
    for start, end in ((a, b), (b, c), (c, a)):
        along = end - start
        offset = points - start
        length = np.einsum("nc,nc->n", along, along)
        share = np.einsum("nc,nc->n", offset, along) / np.where(length > 0, length, 1.0)
        foot = offset - np.clip(share, 0.0, 1.0)[:, None] * along
        edge = np.minimum(edge, np.einsum("nc,nc->n", foot, foot))
        inside &= np.einsum("nc,nc->n", np.cross(along, offset), normal) >= 0
    height = np.einsum("nc,nc->n", points - a, normal)
    plane = height**2 / np.where(area > 0, area, 1.0)
    return np.sqrt(np.where(inside, np.minimum(plane, edge), edge))


class SlowTruth:
    """A true head with its own slow surface, made once as the fast one's is."""

    def __init__(self, truth: TruthHead) -> None:
        self.head = truth
        self.surface = WideningSearch(truth.vertices, truth.faces)


def slow_score(
    truth: SlowTruth, vertices: np.ndarray, faces: np.ndarray, landmarks_478: np.ndarray
) -> dict[str, float] | None:
    """The errors of one prediction by their names in a row; None where it cannot be aligned."""
    head, vertices = truth.head, np.asarray(vertices, np.float64)
    landmarks_478 = np.asarray(landmarks_478, np.float64)
    near = np.zeros(len(vertices), dtype=bool)
    near[face_sphere(vertices, landmarks_478[NOSE_TIP], FACE_RADIUS_MM + CUT_MARGIN_MM)] = True
    faces = faces[near[faces].any(axis=1)]
    region = np.intersect1d(face_sphere(head.vertices, head.nose_tip), head.seen)
    points = np.asarray(head.vertices[region], np.float64)
    tree = cKDTree(subdivide(vertices, faces), balanced_tree=False, compact_nodes=False)
    start = umeyama(
        head.landmarks_478[IBUG68_FROM_478], landmarks_478[IBUG68_FROM_478], with_scale=False
    )
    found = rigid_icp(points, tree, start)
    if not found.converged or found.rms >= MAX_RMS_MM:
        return None
    forward = WideningSearch(vertices, faces).distances(found.transform.apply(points))
    samples, areas = area_samples(vertices, faces, SAMPLE_EDGE_MM)
    samples = found.transform.inverse().apply(samples)
    inside = face_sphere(samples, head.nose_tip)
    areas, reverse = areas[inside], truth.surface.distances(samples[inside])

    def f_score(threshold: float) -> float:
        recall = (forward <= threshold).mean()
        precision = areas[reverse <= threshold].sum() / areas.sum()
        return 2 * precision * recall / (precision + recall)

    tree = cKDTree(coarse(vertices, landmarks_of(landmarks_478), head.h3ds.landmarks))
    scan, everything = head.h3ds, np.arange(len(head.h3ds.vertices))
    whole = region_distances(scan.vertices, scan.face, everything, tree)
    face = region_distances(scan.vertices, scan.face_sphere, scan.face_sphere, tree)
    return {
        "forward_mm": float(forward.mean()),
        "reverse_mm": float(np.average(reverse, weights=areas)),
        "f_score_1mm": f_score(1.0),
        "f_score_2mm": f_score(2.0),
        "f_score_3mm": f_score(3.0),
        "h3ds_face_mm": float(face.mean()),
        "h3ds_head_mm": float(whole.mean()),
        **region_means(forward, head.regions[region]),
    }
