"""Points of each face part on the surface of a topology: the sets that PRDL projects.

The paper takes the vertices of a part on a mesh of 35,709. Heads here have a few thousand, so a
part is a set of points on its triangles, which lie on a regular grid where the mean face is seen
from the front. Brows, nose, lips and skin follow the map of parts. The points of an eye are mixes
of its lids' landmarks, since lids close an eye and the eyeball stays. They fill the eye as the mean
face shows it, or, where the image's parts are drawn between landmarks, the area between the lids'
landmarks, which is a tenth wider and a sixth lower.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from headwater.data.scenes import Template
from headwater.faces import vocabulary as sets
from headwater.faces.vocabulary import Part
from headwater.heads.model import FloatArray, Surface
from headwater.heads.part_map import MAP_STEP_MM, FaceGrid, PartMap, face_grid

# Spacings of the skin's points and of those of the other parts, each px of the crop.
_SKIN_PX: Final = 2.0
_PART_PX: Final = 1.0
# An eye is a few pixels high: its points are no further apart than this.
_EYE_MM: Final = 1.0
_EYE_SURFACES: Final = (Surface.EYEBALL, Surface.EYE_SOCKET)
# Coordinates that a point of an eye may have: along the lids, in numbers of lid points, and across,
# 0 on the upper lid and 1 on the lower one.
_ALONG: Final = np.arange(0.0, 8.01, 0.05)
_ACROSS: Final = np.arange(-1.0, 2.01, 0.05)
_LIDS: Final = {
    Part.LEFT_EYE: (sets.LEFT_UPPER_LID, sets.LEFT_LOWER_LID),
    Part.RIGHT_EYE: (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID),
}
# Landmarks of the upper and of the lower lid.
Lids = tuple[tuple[int, ...], tuple[int, ...]]
PRDL_PARTS: Final = tuple(part for part in Part if part is not Part.NONE)


@dataclass(frozen=True)
class PartPoints:
    """corners: (n, 3) int64 vertices and weights: (n, 3) float32 of points on the surface.

    sizes: points of each of ``PRDL_PARTS`` but the eyes, by part. lid_corners: (36, 3) and
    lid_weights: of the lid points of the left eye and then of the right one, each upper lid first.
    lid_shares: by eye (m, 18), of its lid points in each of its m points; rows sum to 1.
    """

    corners: Tensor
    weights: Tensor
    sizes: dict[Part, int]
    lid_corners: Tensor
    lid_weights: Tensor
    lid_shares: dict[Part, Tensor]

    def on(self, vertices: Tensor) -> dict[Part, Tensor]:
        """Points (B, n_p, C) of each part for values (B, V, C) of vertices."""
        surface = _interpolated(vertices, self.corners, self.weights)
        found = dict(zip(self.sizes, surface.split(list(self.sizes.values()), dim=1), strict=True))
        lids = _interpolated(vertices, self.lid_corners, self.lid_weights)
        for eye, rim in zip(_LIDS, lids.split(lids.shape[1] // 2, dim=1), strict=True):
            found[eye] = self.lid_shares[eye].to(rim) @ rim
        return {part: found[part] for part in PRDL_PARTS}


def _interpolated(values: Tensor, corners: Tensor, weights: Tensor) -> Tensor:
    """(B, n, C) of values (B, V, C) at points with corners (n, 3) and weights (n, 3)."""
    at = values[:, corners.to(values.device)]
    return (at * weights.to(values)[:, :, None]).sum(dim=2)


def part_points(template: Template, pixel_mm: float, *, drawn_eyes: bool) -> PartPoints:
    """The points of a topology's parts, for images in which a pixel is ``pixel_mm`` long.

    One in every pixel that the mean face covers there from the front; of the skin one in every
    2 x 2: as dense as the target's, with which eq. 6 compares them. drawn_eyes: eyes fill the area
    between the landmarks of their lids, instead of the eyes as they are seen.
    """
    grid = face_grid(template.landmarks_478.on(template.mean))
    shown = grid.seen_from_the_front(template.mean, template.faces)
    parts = grid.parts()
    skin = np.append(template.surface == Surface.SKIN, False)[shown.triangle]
    row, column = np.indices(parts.shape)
    corners, weights = [], []
    sizes: dict[Part, int] = {}
    for part in PRDL_PARTS:
        if part in _LIDS:
            continue
        spacing = pixel_mm * (_SKIN_PX if part is Part.SKIN else _PART_PX)
        step = max(1, round(spacing / MAP_STEP_MM))
        first = step // 2
        chosen = (parts == part) & skin & (row % step == first) & (column % step == first)
        corners.append(template.faces[shown.triangle[chosen]])
        weights.append(shown.weights[chosen])
        sizes[part] = int(np.count_nonzero(chosen))
    surface = np.append(template.surface, Surface.SKIN)[shown.triangle]
    eyeballs = np.isin(surface, _EYE_SURFACES)
    none = np.zeros_like(eyeballs)
    points = template.landmarks_478
    rims = np.concatenate([np.array(upper + lower) for upper, lower in _LIDS.values()])
    return PartPoints(
        torch.from_numpy(np.concatenate(corners).astype(np.int64)),
        torch.from_numpy(np.concatenate(weights)),
        sizes,
        torch.from_numpy(points.triangles[rims].astype(np.int64)),
        torch.from_numpy(points.weights[rims]),
        {
            eye: _lid_shares(grid, lids, _eye_places(grid, lids, none if drawn_eyes else eyeballs))
            for eye, lids in _LIDS.items()
        },
    )


def _eye_places(grid: FaceGrid, lids: Lids, shown: NDArray[np.bool_]) -> FloatArray:
    """Places (m, 2) mm, x and y, of an eye on the mean face, one in every cell of ``_EYE_MM``.

    shown: (height, width) cells of the grid that show an eye. Where none of this one does they lie
    between the landmarks of its lids.
    """
    rim = grid.landmarks[[*lids[0], *lids[1]], 0]
    row, column = np.indices(shown.shape)
    x = grid.left + (column + 0.5) * MAP_STEP_MM
    y = grid.top - (row + 0.5) * MAP_STEP_MM
    own = shown & (np.abs(x - (rim.min() + rim.max()) / 2) < np.ptp(rim))
    if not own.any():
        own = grid.filled((*lids[0], *lids[1][::-1]))
    step = max(1, round(_EYE_MM / MAP_STEP_MM))
    own &= (row % step == step // 2) & (column % step == step // 2)
    return np.stack([x[own], y[own]], axis=1)


def _lid_shares(grid: FaceGrid, lids: Lids, places: FloatArray) -> Tensor:
    """Shares (m, 18) of lid points, upper lid first, in places (m, 2) mm of the mean face.

    A place lies at u along the lids and at v across: (1 - v) upper(u) + v lower(u), v below 0 or
    above 1 beyond a lid.
    """
    upper, lower = (grid.landmarks[list(lid), :2] for lid in lids)
    count = len(upper)
    on_lid = np.maximum(0.0, 1.0 - np.abs(_ALONG[:, None] - np.arange(count)))
    u, v = (one.ravel() for one in np.meshgrid(np.arange(len(_ALONG)), _ACROSS, indexing="ij"))
    at = (1.0 - v)[:, None] * (on_lid @ upper)[u] + v[:, None] * (on_lid @ lower)[u]
    _, nearest = cKDTree(at).query(places)
    along, across = on_lid[u[nearest]], v[nearest, None]
    shares = np.concatenate([(1.0 - across) * along, across * along], axis=1)
    return torch.from_numpy(shares.astype(np.float32))


def triangle_parts(template: Template, parts: PartMap) -> Tensor:
    """Part id (F,) int64 of every triangle, by its middle on the mean head."""
    middles = template.mean[template.faces].mean(axis=1)
    return torch.from_numpy(parts.part_ids(middles, template.surface).astype(np.int64))
