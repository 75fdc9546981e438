"""A score the slow way: point-to-point ICP on dense points, one search widened for all points.

Tests compare with it, and ``make bench`` measures beside it.
"""

import numpy as np
from scipy.spatial import cKDTree

from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.registration import MovingNearest, Similarity, umeyama
from headwater.metrics.benchmark import TruthHead
from headwater.metrics.face_regions import region_means
from headwater.metrics.h3ds import (
    coarse,
    face_sphere,
    landmarks_of,
    region_distances,
)
from headwater.metrics.scan_to_mesh import MAX_RMS_MM, SAMPLE_EDGE_MM
from headwater.metrics.surfaces import _cuts, _piece_weights, area_samples

PIECE_MM = 3.0
EDGE_MM = 1.0
MOST_PIECES = 4_000_000
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


def dense_points(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Points (n, 3) mm of a surface cut until no edge is longer than a millimetre."""
    whole = np.asarray(vertices, np.float64)[faces]
    cuts = _cuts(whole, EDGE_MM, MOST_PIECES)
    points = []
    for count in np.unique(cuts):
        i, j = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
        inside = i + j <= count
        weights = np.stack([i[inside], j[inside], count - (i + j)[inside]], axis=1) / count
        points.append((weights @ whole[cuts == count]).reshape(-1, 3))
    together = np.concatenate(points)
    return together[np.unique(together.round(6), axis=0, return_index=True)[1]]


def point_to_point_icp(
    points: np.ndarray, cloud: np.ndarray, start: Similarity, tolerance: float = 1e-3
) -> Similarity | None:
    """Rigid map of points onto the nearest ones of a cloud, until none moves; None without end."""
    closest = MovingNearest(cKDTree(cloud, leafsize=32, balanced_tree=False, compact_nodes=False))
    moved = start.apply(points)
    for _ in range(300):
        _, nearest = closest.query(moved)
        found = umeyama(points, cloud[nearest], with_scale=False)
        former, moved = moved, found.apply(points)
        if np.abs(moved - former).max() < tolerance:
            return found
    return None


class SlowTruth:
    """A true head with its own slow surface, made once as the fast one's is."""

    def __init__(self, truth: TruthHead) -> None:
        self.head = truth
        self.surface = WideningSearch(truth.vertices, truth.faces)


def _region(head: TruthHead) -> np.ndarray:
    return np.intersect1d(face_sphere(head.vertices, head.nose_tip), head.seen)


def _scored(head: TruthHead) -> np.ndarray:
    return np.asarray(head.vertices[_region(head)], np.float64)


def slow_alignment(
    truth: SlowTruth, vertices: np.ndarray, faces: np.ndarray, landmarks_478: np.ndarray
) -> Similarity | None:
    """Rigid map of the true face onto a prediction; None where it cannot be aligned."""
    head = truth.head
    start = umeyama(
        head.landmarks_478[IBUG68_FROM_478], landmarks_478[IBUG68_FROM_478], with_scale=False
    )
    return point_to_point_icp(_scored(head), dense_points(vertices, faces), start)


def slow_score(
    truth: SlowTruth,
    vertices: np.ndarray,
    faces: np.ndarray,
    landmarks_478: np.ndarray,
    found: Similarity | None,
) -> dict[str, float] | None:
    """The errors of one prediction by their names in a row, aligned as ``found`` says.

    None where it cannot be aligned.
    """
    if found is None:
        return None
    head, vertices = truth.head, np.asarray(vertices, np.float64)
    landmarks_478 = np.asarray(landmarks_478, np.float64)
    region = _region(head)
    forward = WideningSearch(vertices, faces).distances(found.apply(_scored(head)))
    if np.sqrt((forward**2).mean()) >= MAX_RMS_MM:
        return None
    samples, areas = area_samples(vertices[faces], SAMPLE_EDGE_MM)
    samples = found.inverse().apply(samples)
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
