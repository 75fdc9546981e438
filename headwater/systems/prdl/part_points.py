"""Points of each face part on the surface of a topology: the sets that PRDL projects.

The paper takes the vertices of a part on a mesh of 35,709; heads here have a few thousand, so that
a part is points spread over its triangles, on a grid as the mean face shows them from the front.
Brows, nose, lips and skin follow the map of parts; an eye is the patch between its lids, which
closes with them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from headwater.data.scenes import Template
from headwater.faces import vocabulary as sets
from headwater.faces.vocabulary import Part
from headwater.heads.model import Surface
from headwater.heads.part_map import MAP_STEP_MM, PartMap, face_grid

# Spacings of the skin's points and of those of the other parts, each px of the crop.
_SKIN_PX: Final = 2.0
_PART_PX: Final = 1.0
_LID_COLUMNS: Final = 17
_LID_ROWS: Final = 7
_LIDS: Final = {
    Part.LEFT_EYE: (sets.LEFT_UPPER_LID, sets.LEFT_LOWER_LID),
    Part.RIGHT_EYE: (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID),
}
PRDL_PARTS: Final = tuple(part for part in Part if part is not Part.NONE)


@dataclass(frozen=True)
class PartPoints:
    """corners: (n, 3) int64 vertices and weights: (n, 3) float32 of points on the surface.

    sizes: points of each of ``PRDL_PARTS`` but the eyes, by part. lids: by eye the (18,) points,
    upper lid first, among ``lid_corners`` (36, 3) and ``lid_weights``, and the shares (m, 18) of
    the patch between them.
    """

    corners: Tensor
    weights: Tensor
    sizes: dict[Part, int]
    lid_corners: Tensor
    lid_weights: Tensor
    lid_shares: Tensor

    def on(self, vertices: Tensor) -> dict[Part, Tensor]:
        """Points (B, n_p, C) of each part for values (B, V, C) of vertices."""
        surface = _interpolated(vertices, self.corners, self.weights)
        found = dict(zip(self.sizes, surface.split(list(self.sizes.values()), dim=1), strict=True))
        lids = _interpolated(vertices, self.lid_corners, self.lid_weights)
        for eye, rim in zip(_LIDS, lids.split(lids.shape[1] // 2, dim=1), strict=True):
            found[eye] = self.lid_shares.to(rim) @ rim
        return {part: found[part] for part in PRDL_PARTS}


def _interpolated(values: Tensor, corners: Tensor, weights: Tensor) -> Tensor:
    """(B, n, C) of values (B, V, C) at points with corners (n, 3) and weights (n, 3)."""
    at = values[:, corners.to(values.device)]
    return (at * weights.to(values)[:, :, None]).sum(dim=2)


def part_points(template: Template, pixel_mm: float) -> PartPoints:
    """The points of a topology's parts, for images of so many mm a pixel.

    One in every pixel that the mean face covers there from the front; of the skin one in every
    2 x 2. They are as dense as the target's, which eq. 6 compares them with.
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
    points = template.landmarks_478
    rims = np.concatenate([np.array(upper + lower) for upper, lower in _LIDS.values()])
    return PartPoints(
        torch.from_numpy(np.concatenate(corners).astype(np.int64)),
        torch.from_numpy(np.concatenate(weights)),
        sizes,
        torch.from_numpy(points.triangles[rims].astype(np.int64)),
        torch.from_numpy(points.weights[rims]),
        _lid_shares(len(rims) // 4),
    )


def _lid_shares(count: int) -> Tensor:
    """Shares (m, 2 count) of lid points in a patch: columns between corners, rows between lids."""
    along = np.linspace(0, count - 1, _LID_COLUMNS + 2)[1:-1]
    on_lid = np.maximum(0.0, 1.0 - np.abs(along[:, None] - np.arange(count)))
    down = (np.arange(_LID_ROWS) + 0.5) / _LID_ROWS
    shares = np.concatenate(
        [
            np.einsum("r,ck->rck", 1 - down, on_lid),
            np.einsum("r,ck->rck", down, on_lid),
        ],
        axis=2,
    )
    return torch.from_numpy(shares.reshape(-1, 2 * count).astype(np.float32))


def triangle_parts(template: Template, parts: PartMap) -> Tensor:
    """Part id (F,) int64 of every triangle, by its middle on the mean head."""
    middles = template.mean[template.faces].mean(axis=1)
    return torch.from_numpy(parts.part_ids(middles, template.surface).astype(np.int64))
