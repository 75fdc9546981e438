"""The closest points of a head's mean surface."""

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from headwater.heads.model import HeadModel, Surface, SurfacePoints

CANDIDATES = 60


def snap(positions: NDArray[np.float64], model: HeadModel, surface: Surface) -> SurfacePoints:
    """Closest points to ``positions`` (n, 3) mm on the mean head's triangles of one surface."""
    faces = model.faces[model.surface == surface]
    corners = model.mean[faces].astype(np.float64)
    _, near = cKDTree(corners.mean(1)).query(positions, k=min(CANDIDATES, len(faces)))
    repeated = np.repeat(positions, near.shape[1], axis=0)
    closest = trimesh.triangles.closest_point(corners[near.ravel()], repeated)
    gap = np.linalg.norm(closest - repeated, axis=1).reshape(near.shape)
    best = gap.argmin(1)
    rows = np.arange(len(positions))
    chosen = near[rows, best]
    on_surface = closest.reshape(*near.shape, 3)[rows, best]
    weights = trimesh.triangles.points_to_barycentric(corners[chosen], on_surface)
    weights = np.clip(weights, 0.0, None)
    weights /= weights.sum(1, keepdims=True)
    return SurfacePoints(faces[chosen], weights.astype(np.float32))
