"""The trained parser: a small U-Net from a face's crop and outlines to classes, and its file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.crops import IMAGENET_MEAN, IMAGENET_STD
from headwater.faces.affine import map_points
from headwater.faces.vocabulary import FaceClass
from headwater.networks.unet import UNet
from headwater.parsing.crop import classes_in_frame, cropped, frame_to_crop
from headwater.parsing.outlines import OUTLINES, outline_maps
from headwater.training.checkpoint import read_safetensors, unreadable
from headwater.training.determinism import deterministic

CROP_PX: Final = 256
WIDTHS: Final = (24, 32, 48, 64, 96)


@dataclass(frozen=True)
class FaceParser:
    """A trained parser.

    network: from normalised crops and their outlines (B, 3 + ``OUTLINES``, S, S) to scores of
    ``FaceClass``.
    """

    network: UNet

    @torch.no_grad()
    def classes(
        self, frame: NDArray[np.uint8], landmarks: NDArray[np.floating[Any]]
    ) -> NDArray[np.uint8]:
        """Classes (n, n) of a frame (n, n, 3) with the face level in its middle.

        landmarks: (478, 2 or 3) px of the frame, finite. Beyond the crop around the face all is
        background.
        """
        picture = network_input(cropped(frame, CROP_PX))
        points = map_points(frame_to_crop(frame.shape[0], CROP_PX), landmarks)
        with deterministic(threads=1):
            scores = self.network(torch.cat([picture, outline_maps(points[None], CROP_PX)], 1))[0]
        return classes_in_frame(scores, frame.shape[0])


def new_network() -> UNet:
    """A parser's network, its weights drawn from torch's global generator."""
    network = UNet(3 + OUTLINES, len(FaceClass), WIDTHS)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def network_input(crop: NDArray[np.uint8]) -> Tensor:
    """The input (1, 3, S, S) that ImageNet's networks expect of a crop (S, S, 3)."""
    values = torch.from_numpy(crop).movedim(-1, 0)[None].float() / 255
    mean, std = (torch.tensor(of).reshape(3, 1, 1) for of in (IMAGENET_MEAN, IMAGENET_STD))
    return (values - mean) / std


def load_parser(weights: Path) -> FaceParser:
    """The parser of a file of weights. Raises HeadwaterError where it is no such file."""
    tensors, _ = read_safetensors(weights)
    network = new_network()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise unreadable(weights, error) from error
    return FaceParser(network.eval().requires_grad_(requires_grad=False))
