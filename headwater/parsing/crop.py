"""The crop of a frame that parsers see, and classes in the frame from a parser's scores there."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from headwater.faces.canonical_crop import Placement
from headwater.faces.face_search import FRAME_TO_FACE
from headwater.faces.resampling import resampled
from headwater.faces.vocabulary import FaceClass

# Side of the crop, and height of its centre above the face's, as multiples of the face's side; it
# ends at the top of the head and not far below the chin.
CROP_TO_FACE: Final = 1.7
RAISED: Final = 0.08


def raised(place: Placement) -> Placement:
    """The place of a face as parsers see it, in the middle of their crop."""
    return place.lowered(-RAISED)


def frame_to_crop(frame_px: int, crop_px: int) -> NDArray[np.float64]:
    """Map (2, 3), px of a frame of ``frame_px`` a side to px of its crop of ``crop_px`` a side."""
    face = Placement(np.array([frame_px / 2, frame_px / 2]), frame_px / FRAME_TO_FACE, 0.0)
    return raised(face).square_map(CROP_TO_FACE, crop_px)


def cropped(frame: NDArray[np.uint8], crop_px: int) -> NDArray[np.uint8]:
    """The crop (crop_px, crop_px, 3) of a frame (n, n, 3), whose face is level in its middle."""
    return resampled(frame, frame_to_crop(frame.shape[0], crop_px), crop_px, crop_px)


def classes_in_frame(scores: Tensor, frame_px: int) -> NDArray[np.uint8]:
    """Numbers (n, n) of the highest of a crop's scores (C, S, S) at every pixel of its frame.

    Beyond the crop they are 0, the background.
    """
    side = scores.shape[-1]
    affine = frame_to_crop(frame_px, side)
    classes = np.full((frame_px, frame_px), FaceClass.BACKGROUND, dtype=np.uint8)
    centres = np.arange(frame_px) + 0.5
    x, y = (affine[axis, axis] * centres + affine[axis, 2] for axis in range(2))
    columns, rows = (np.flatnonzero((along >= 0) & (along < side)) for along in (x, y))
    down, right = np.meshgrid(2 * y[rows] / side - 1, 2 * x[columns] / side - 1, indexing="ij")
    grid = torch.from_numpy(np.stack([right, down], axis=-1)).float()[None]
    found = functional.grid_sample(
        scores[None], grid, padding_mode="border", align_corners=False
    ).argmax(dim=1)
    classes[np.ix_(rows, columns)] = found[0].numpy().astype(np.uint8)
    return classes
