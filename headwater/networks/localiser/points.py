"""Points of a template that the localiser looks for: landmarks, and vertices of the face."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.mirror import Mirror
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.heads.model import Surface, SurfacePoints
from headwater.networks.vertex_descent.objective import near_face

LANDMARKS: Final = len(IBUG68_FROM_478)

IntArray = NDArray[np.int32]


def localised_points(template: Template, count: int, mirror: Mirror | None) -> SurfacePoints:
    """The 68 landmarks, then ``count`` vertices spread over the face, as points of the surface.

    With ``mirror`` the mirror image of every point is one of them. Raises HeadwaterError where the
    face has fewer vertices to choose from.
    """
    landmarks = template.landmarks_478
    vertices = spread_vertices(template, count, mirror)
    triangles = np.repeat(vertices[:, None], 3, axis=1)
    weights = np.tile(np.array([1, 0, 0], np.float32), (count, 1))
    return SurfacePoints(
        np.concatenate([landmarks.triangles[IBUG68_FROM_478], triangles]),
        np.concatenate([landmarks.weights[IBUG68_FROM_478], weights]),
    )


def spread_vertices(template: Template, count: int, mirror: Mirror | None) -> IntArray:
    """Vertices (count,) by farthest-point sampling, the 68 landmarks being chosen before them.

    Out of the skin of the face that looks forward. With ``mirror`` a vertex is followed by its
    mirror image, so that pairs and vertices of the middle fill the number up.
    """
    points = template.mean.astype(np.float64)
    free = _forward_skin(template)
    partner = np.arange(len(points)) if mirror is None else mirror.vertices.numpy()
    free &= free[partner]
    if free.sum() < count:
        raise HeadwaterError(
            f"face_points is {count}, but the template's face has {free.sum()} vertices; set it "
            "to at most that under overrides in params.yaml"
        )
    chosen_before = template.landmarks_68(template.mean).astype(np.float64)
    nearest = np.linalg.norm(points[:, None] - chosen_before, axis=2).min(axis=1)
    chosen: list[int] = []
    while len(chosen) < count:
        # One place that is left is for a vertex of the middle.
        fits = free & (partner == np.arange(len(points))) if len(chosen) == count - 1 else free
        if not fits.any():
            raise HeadwaterError(
                f"face_points is {count}, but the template has no vertex in its middle to make "
                "that number up from pairs; set it to an even number"
            )
        first = int(np.argmax(np.where(fits, nearest, -1.0)))
        for vertex in dict.fromkeys((first, int(partner[first]))):
            chosen.append(vertex)
            free[vertex] = False
            nearest = np.minimum(nearest, np.linalg.norm(points - points[vertex], axis=1))
    return np.array(chosen, np.int32)


def point_partners(mirror: Mirror, points: SurfacePoints) -> Tensor:
    """(P,) int64: for each of ``localised_points`` the number of its mirror image among them."""
    vertices = torch.from_numpy(points.triangles[LANDMARKS:, 0].astype(np.int64))
    number = torch.empty_like(mirror.vertices)
    number[vertices] = LANDMARKS + torch.arange(len(vertices))
    return torch.cat([mirror.landmarks, number[mirror.vertices[vertices]]])


def _forward_skin(template: Template) -> NDArray[np.bool_]:
    """(V,) bool: vertices of the face's skin whose normals point out of the face, not into it."""
    skin = np.zeros(len(template.mean), dtype=bool)
    skin[template.faces[template.surface == Surface.SKIN]] = True
    corners = template.mean[template.faces, :2].astype(np.float64)
    a, b, c = corners.swapaxes(0, 1)
    forward = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    summed = np.bincount(template.faces.ravel(), np.repeat(forward, 3), len(template.mean))
    return near_face(template) & skin & (summed > 0)
