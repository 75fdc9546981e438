"""Mean errors of detected landmarks, by the direction that a face is seen from.

What a detector takes for the edge of a brow or the end of a jaw is not quite what the head model
does. The paper finds the parts of a mesh by what its parser sees on renders (Algorithm 1), where
such errors are the same; here they are measured on the rendered training views, where it is known
which pixels show the landmarks, and taken off.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.artifacts.cameras import CAMERA_COLUMNS, camera_of, frame_from_photo_of
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.schemas import FRAMES, LANDMARKS, TRUTH
from headwater.artifacts.tables import Row, read_table
from headwater.data.canonical import canonical_projection
from headwater.data.crops import crop_transform
from headwater.faces.affine import map_points
from headwater.faces.vocabulary import MIRROR_PARTNERS

# Mean distance of detected landmarks from the true ones, mm: beyond it the face is misdetected.
MISDETECTED_MM: Final = 15.0
# As many views without any error are counted beside the rendered ones.
_DOUBT: Final = 5.0
_WINDOW_MM: Final = 200
_SHARES: Final = 6

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class MeanErrors:
    """shares: (6, 478, 2) float32 mm, right and down in an upright image, by ``directions``."""

    shares: Tensor

    @staticmethod
    def none() -> "MeanErrors":
        """The errors of an exact detector."""
        return MeanErrors(torch.zeros(_SHARES, len(MIRROR_PARTNERS), 2))

    def at(self, projection: Tensor) -> Tensor:
        """Errors (n, 478, 2) mm of landmarks, as upright cameras (n, 3, 4) see them."""
        seen = directions(projection[:, 2, :3].double()).to(self.shares)
        return torch.einsum("nf,fpc->npc", seen, self.shares)


def directions(forward: Tensor) -> Tensor:
    """(n, 6): 1, x, y, x², y² and x y of directions of view (n, 3), in the canonical frame."""
    x, y, _ = torch.nn.functional.normalize(forward, dim=1).unbind(dim=1)
    return torch.stack([torch.ones_like(x), x, y, x * x, y * y, x * y], dim=1)


def mean_errors(data: Path, origin_mm: NDArray[np.floating[Any]]) -> MeanErrors:
    """The detector's mean errors on rendered training views and their mirror images.

    data: folder of the tables. origin_mm: (3,), the canonical origin. All errors are zero without
    such views.
    """
    return fitted_errors(_pairs(data, origin_mm))


def fitted_errors(views: Iterable[tuple[Float64Array, Float64Array]]) -> MeanErrors:
    """Ridge regression of errors (478, 2) mm on the direction (3,) that each was seen from.

    Those of a face that was misdetected are left out.
    """
    known = [(way, error) for way, error in views if _sound(error)]
    other = np.asarray(MIRROR_PARTNERS)
    known += [(way * (-1, 1, 1), error[other] * (-1, 1)) for way, error in known]
    if not known:
        return MeanErrors.none()
    ways, errors = (torch.from_numpy(np.stack(one)) for one in zip(*known, strict=True))
    seen = directions(ways)
    gram = seen.T @ seen + _DOUBT * torch.eye(seen.shape[1], dtype=seen.dtype)
    shares = torch.linalg.solve(gram, seen.T @ errors.flatten(1))
    return MeanErrors(shares.unflatten(1, (len(other), 2)).float())


def _sound(error: Float64Array) -> bool:
    # A landmark outside the photo is not among the detected ones.
    return bool(np.linalg.norm(error, axis=1).mean() < MISDETECTED_MM)


def _pairs(
    data: Path, origin_mm: NDArray[np.floating[Any]]
) -> Iterable[tuple[Float64Array, Float64Array]]:
    """Direction of view (3,) and errors (478, 2) mm of every rendered training view."""
    rendered = (pc.field("source") == "synthetic") & (pc.field("split") == "train")
    place = ["item", "source", "split", "frame_from_photo"]
    frames = {row["item"]: row for row in read_table(data, FRAMES, place, rendered).to_pylist()}
    points = ["item", "source", "split", "landmarks_478_px"]
    found = {row["item"]: row for row in read_table(data, LANDMARKS, points, rendered).to_pylist()}
    columns = [*points, "width", "height", *CAMERA_COLUMNS]
    for truth in read_table(data, TRUTH, columns, rendered).to_pylist():
        if (item := truth["item"]) in found:
            yield _pair(truth, frames[item], found[item], origin_mm)


def _pair(
    truth: Row, frame: Row, found: Row, origin_mm: NDArray[np.floating[Any]]
) -> tuple[Float64Array, Float64Array]:
    camera = camera_of(truth)
    projection = canonical_projection(camera.K, camera.R, camera.t, origin_mm)
    # A pixel of this crop is a millimetre at the head.
    to_crop = crop_transform(projection, _WINDOW_MM, _WINDOW_MM)
    from_frame = np.linalg.inv(np.vstack([frame_from_photo_of(frame), [0.0, 0.0, 1.0]]))
    detected = map_points(np.asarray(to_crop @ from_frame, np.float64), landmarks_of(found))
    true = map_points(np.asarray(to_crop, np.float64), landmarks_of(truth))
    error = detected.astype(np.float64) - true
    return projection[2, :3], error
