"""A mask-conditioned generator of faces: its networks, its crop, and blending into a frame."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from headwater.expressions.generator_losses import GanLoss
from headwater.expressions.mask_edit import INSIDE
from headwater.expressions.warped import PatternFrame, PatternMask, within
from headwater.faces.affine import inverted, labels_in_frame
from headwater.faces.canonical_crop import Placement
from headwater.faces.face_search import FRAME_TO_FACE
from headwater.faces.resampling import resampled
from headwater.networks.mask_gan import MaskGan
from headwater.networks.spade import Spade
from headwater.parsing.crop import raised
from headwater.training.checkpoint import read_safetensors, unreadable
from headwater.training.determinism import deterministic

# Number of labels: the part ids (0 for no part) and the mouth's inside.
LABELS: Final = int(INSIDE) + 1
# Side of the crop, as a multiple of the face's.
CROP_TO_FACE: Final = 1.4
# Shares of the frame's side: diameter by which the changed region is dilated, and spread of the
# blur of its edge.
_GROWN, _SOFT = 0.02, 0.008

Name = Literal["spade", "maskgan"]


@dataclass(frozen=True)
class Training:
    """Length of a generator's training.

    threads: of the CPU; fixed, as sums of floats depend on their number. checkpoint_every: steps
    between two checkpoints.
    """

    steps: int
    batch: int
    threads: int = 1
    checkpoint_every: int = 100


@dataclass(frozen=True)
class Kind:
    """A generator's network and the settings of its training.

    side: of its crop, px. network: makes it, with random weights from torch's global generator.
    discriminator_width: channels of the discriminators' first stage. gan: the adversarial loss.
    rates: learning rates of generator and discriminators.
    """

    side: int
    network: Callable[[], nn.Module]
    discriminator_width: int
    gan: GanLoss
    rates: tuple[float, float]
    training: Training


# MaskGAN's settings are the published ones, 200 epochs of the paper's 30,000 pictures. SPADE is
# narrow, and its generator's rate twenty times the published one, as it has minutes of one core: at
# 1e-4 nothing was learned in 130 steps, in which no weight can move by more than 0.013.
KINDS: Final[dict[Name, Kind]] = {
    "spade": Kind(
        side=96,
        network=lambda: Spade(LABELS, 96, (96, 64, 48, 32, 16), hidden=24),
        discriminator_width=24,
        gan="hinge",
        rates=(2e-3, 4e-4),
        training=Training(steps=2000, batch=4),
    ),
    "maskgan": Kind(
        side=512,
        network=lambda: MaskGan(LABELS),
        discriminator_width=64,
        gan="least_squares",
        rates=(5e-5, 5e-5),
        training=Training(steps=750_000, batch=8),
    ),
}


@dataclass(frozen=True)
class Generator:
    """A trained generator.

    network: from labels, a reference picture and its labels to a picture. side: of its crop, px.
    """

    network: nn.Module
    side: int

    def pattern(self, rgb: NDArray[np.uint8], mask: PatternMask) -> PatternFrame:
        """The (n, n, 3) frame, with a level face in its middle, painted as ``mask`` edits it.

        The network's picture G replaces the frame I where the part mask changes, with a soft edge:
        I' = m G + (1 - m) I.
        """
        affine = frame_to_crop(rgb.shape[0], self.side)
        crop = resampled(rgb, affine, self.side, self.side)
        old, new = (
            labels_in_frame(labels, affine, self.side, self.side)
            for labels in (mask.before, mask.after)
        )
        height, width = rgb.shape[:2]
        made = resampled(self._painted(crop, old, new), inverted(affine), width, height)
        weight = feathered(mask.before, mask.after)
        return PatternFrame(blended(made, rgb, weight), within(weight > 0, mask), weight > 0)

    @torch.no_grad()
    def _painted(
        self, crop: NDArray[np.uint8], old: NDArray[np.uint8], new: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """The picture (S, S, 3) of labels ``new`` in the style of a crop with labels ``old``."""
        picture = torch.from_numpy(crop).movedim(-1, 0)[None].float() / 127.5 - 1.0
        planes = [one_hot(torch.from_numpy(labels)[None].long()) for labels in (new, old)]
        with deterministic(threads=1):
            made = self.network(planes[0], picture, planes[1])[0]
        return ((made + 1.0) * 127.5).round().clamp(0, 255).byte().movedim(0, -1).numpy()


def frame_to_crop(frame_px: int, side: int) -> NDArray[np.float64]:
    """Map (2, 3) from px of a frame with side ``frame_px`` to px of a generator's crop."""
    face = Placement(np.array([frame_px / 2, frame_px / 2]), frame_px / FRAME_TO_FACE, 0.0)
    return raised(face).square_map(CROP_TO_FACE, side)


def one_hot(labels: Tensor) -> Tensor:
    """One-hot planes (n, ``LABELS``, H, W) float32 of labels (n, H, W) int64; others count as 0."""
    known = torch.where(labels < LABELS, labels, torch.zeros_like(labels))
    return functional.one_hot(known, LABELS).movedim(-1, 1).float()


def feathered(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Weight m (h, w) of the painted picture: 1 around all pixels that change, falling to 0."""
    side = before.shape[0]
    reach = 2 * round(_GROWN * side) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    grown = cv2.dilate((before != after).astype(np.float32), kernel)
    weight = cv2.GaussianBlur(grown, (0, 0), max(_SOFT * side, 0.5)).astype(np.float32)
    # Pixels whose 8-bit values the weight cannot change are outside the edited region.
    weight[weight < 1 / 256] = 0.0
    return weight


def blended(
    made: NDArray[np.uint8], own: NDArray[np.uint8], weight: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Pictures blended by weights m (h, w): m G + (1 - m) I of ``made`` and ``own`` (h, w, 3)."""
    share = weight[..., None]
    mixed: NDArray[np.uint8] = np.rint(share * made + (1.0 - share) * own).astype(np.uint8)
    return mixed


def load_generator(name: Name, weights: Path) -> Generator:
    """The generator with the weights of a file. Raises HeadwaterError for any other file."""
    tensors, _ = read_safetensors(weights)
    kind = KINDS[name]
    network = kind.network()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise unreadable(weights, error) from error
    return Generator(network.eval().requires_grad_(requires_grad=False), kind.side)
