"""The part of a photo around a head, with the camera that belongs to it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headwater.geometry.cameras import Camera, project, transform_image
from headwater.reconstruct.head import SeenView

MARGIN = 0.06


@dataclass(frozen=True)
class Cut:
    """A picture (h, w, 3) uint8 of a head, its camera, and (2, 3) from px of the full photo."""

    picture: NDArray[np.uint8]
    camera: Camera
    from_photo: NDArray[np.float64]


def cut_head(
    view: SeenView, vertices: NDArray[np.float32], side_px: int, enlarge: bool = False
) -> Cut:
    """The photo around the head, its longer side ``side_px`` px, less if it would be enlarged.

    The cut is as square as the photo allows.
    """
    photo = view.face.photo
    height, width = photo.shape[:2]
    scale = np.array(view.face.shown_scale)
    pixels, _ = project(view.camera, vertices)
    left, top, right, bottom = _square(pixels * scale, width, height)
    size = np.array([right - left, bottom - top])
    share = side_px / size.max()
    if share >= 1 and not enlarge:
        share = 1.0
    columns, rows = (max(1, round(n * share)) for n in size)
    picture = Image.fromarray(photo[top:bottom, left:right])
    picture = picture.resize((columns, rows), Image.Resampling.LANCZOS)
    stretch = np.array([columns, rows]) / size
    affine = np.column_stack([np.diag(scale * stretch), -np.array([left, top]) * stretch])
    return Cut(np.asarray(picture), transform_image(view.camera, affine, columns, rows), affine)


def _square(points: NDArray[np.float64], width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the whole pixels around points (n, 2) that the photo has."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = (0.5 + MARGIN) * float((high - low).max())
    centre = (low + high) / 2
    x0, y0 = np.floor(np.clip(centre - half, 0, (width - 1, height - 1))).astype(int)
    x1, y1 = np.ceil(np.clip(centre + half, (x0 + 1, y0 + 1), (width, height))).astype(int)
    return int(x0), int(y0), int(x1), int(y1)
