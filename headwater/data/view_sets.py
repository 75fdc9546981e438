"""Several views of one head at once: their choice, and their cameras under one placement."""

import numpy as np
import torch
from torch import Tensor

from headwater.data.crops import Crops, crop_cameras
from headwater.data.mirror import mirrored_projection
from headwater.data.placement import in_canonical_frame, place_views
from headwater.data.scenes import Template, Views


class ViewSets:
    """Sets of views of one head, out of ``views`` (n) and of their mirror images.

    crops: of the views (n), or of the views and then their mirror images (2 n). All views of a set
    are given, or all are estimated.
    """

    def __init__(self, views: Views, crops: Crops, template: Template) -> None:
        self.views, self.crops, self.template = views, crops, template
        # Of each head, and after them of each of which something was estimated.
        self._groups = (2 * crops.head + crops.estimated).numpy()
        self.rows_of = {
            int(one): np.flatnonzero(self._groups == one) for one in np.unique(self._groups)
        }
        self._placed: dict[tuple[int, ...], Tensor] = {}

    def choose(self, first: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Rows (B, count) of the crops: ``first`` (B,) and other views of the same heads.

        A head with fewer views than ``count`` shows some of them again.
        """
        return torch.stack([self._set(int(row), count, generator) for row in first])

    def projection(self, rows: Tensor) -> Tensor:
        """(B, N, 3, 4) of sets of rows (B, N): canonical units to px, one placement per set."""
        if rows.shape[1] == 1:
            return self.crops.projection[rows]
        return torch.stack([self._projection(row.numpy()) for row in rows])

    def _set(self, first: int, count: int, generator: torch.Generator) -> Tensor:
        same = self.rows_of[int(self._groups[first])]
        others = torch.from_numpy(same[same != first])
        order = torch.randperm(len(others), generator=generator)
        ring = torch.cat([torch.tensor([first]), others[order]])
        return ring[torch.arange(count) % len(ring)]

    def _projection(self, rows: np.ndarray) -> Tensor:
        count = len(self.views)
        seen, mirrored = rows % count, bool(rows[0] >= count)
        key = (int(mirrored), *np.unique(seen).tolist())
        if key not in self._placed:
            self._placed[key] = self._place(np.unique(seen), mirrored)
        return self._placed[key][np.searchsorted(key[1:], seen)]

    def _place(self, rows: np.ndarray, mirrored: bool) -> Tensor:
        views = self.views.choose(rows)
        views = in_canonical_frame(views, place_views(views, self.template))
        found = crop_cameras(views, self.crops.to_crop[rows], self.template.nose_bridge)
        return mirrored_projection(found, self.crops.pixels.shape[2]) if mirrored else found
