"""The network: an image to the coefficients of the 3DMM, and these to a posed face."""

from math import radians
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from headwater.data.canonical import UNIT_MM
from headwater.data.crops import IMAGENET_MEAN, IMAGENET_STD
from headwater.data.placement import SPREAD
from headwater.networks.mobilenet import MobileNet
from headwater.networks.resnet import ResNet
from headwater.networks.shading import BANDS
from headwater.systems.prdl.config import PrdlConfig
from headwater.systems.prdl.morphable import Bases

_MOBILENET_FEATURES: Final = 960
# Standard deviations of a face from its placement by landmarks, radians and canonical units.
TURN_SPREAD: Final = radians(SPREAD.degrees)
SHIFT_SPREAD: Final = SPREAD.shift_mm / UNIT_MM


class Coefficients(NamedTuple):
    """Coefficients of B images, in the order of the paper's code.

    identity: (B, I), expression: (B, E) and texture: (B, A), standard deviations. angles: (B, 3)
    radians about x, y and z. light: (B, 27). translation: (B, 3) canonical units.
    """

    identity: Tensor
    expression: Tensor
    texture: Tensor
    angles: Tensor
    light: Tensor
    translation: Tensor

    def mean(self) -> "Coefficients":
        """The mean over the images, as the coefficients of one image."""
        return Coefficients(*(one.mean(dim=0, keepdim=True) for one in self))


class Prdl(nn.Module):
    """The regressor with its face model as buffers.

    Heads of zero weights: the first answer is the mean face where its camera sees it.
    """

    def __init__(self, config: PrdlConfig, bases: Bases) -> None:
        super().__init__()
        self.config = config
        for name, values in bases.named().items():
            self.register_buffer(name, values)
        self.mean: Tensor
        self.identity: Tensor
        self.expression: Tensor
        self.texture_mean: Tensor
        self.texture: Tensor
        self.encoder: ResNet | MobileNet
        if config.encoder == "mobilenet":
            self.encoder, features = MobileNet(), _MOBILENET_FEATURES
        else:
            self.encoder = ResNet(config.width, config.depths)
            features = self.encoder.features_out
        # Convolutions on a CPU are a quarter faster so.
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.sizes = (len(bases.identity), len(bases.expression), len(bases.texture))
        outputs = (*self.sizes, 3, 3 * BANDS, 2, 1)
        self.heads = nn.ModuleList(nn.Conv2d(features, count, 1) for count in outputs)
        for head in self.heads:
            nn.init.zeros_(head.weight)  # type: ignore[arg-type]
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Coefficients:
        """Coefficients of images (B, 3, S, S), ImageNet-normalised."""
        features = self.encoder(images)[:, :, None, None]
        identity, expression, texture, angles, light, across, along = (
            head(features).flatten(1) for head in self.heads
        )
        translation = torch.cat([across, along], dim=1)
        if self.config.camera == "crop":
            # The difference from a known camera is small: heads give it in its usual spread.
            angles, translation = angles * TURN_SPREAD, translation * SHIFT_SPREAD
        return Coefficients(identity, expression, texture, angles, light, translation)

    def zeros(self, count: int) -> Coefficients:
        """Coefficients of ``count`` mean faces."""
        sizes = (*self.sizes, 3, 3 * BANDS, 3)
        return Coefficients(*(self.mean.new_zeros(count, size) for size in sizes))

    def shape(self, found: Coefficients) -> Tensor:
        """Vertices (B, V, 3) without pose: mean + id · A_id + exp · A_exp."""
        moved = combined(found.identity, self.identity)
        return self.mean + moved + combined(found.expression, self.expression)

    def textures(self, found: Coefficients) -> Tensor:
        """Texture (B, V, 3) before light."""
        return self.texture_mean + combined(found.texture, self.texture)


def combined(coefficients: Tensor, basis: Tensor) -> Tensor:
    """Sums (B, V, 3) of a basis (n, V, 3), weighted by coefficients (B, n)."""
    return (coefficients @ basis.flatten(1)).unflatten(1, basis.shape[1:])


def rotations(angles: Tensor) -> Tensor:
    """R = Rz · Ry · Rx (B, 3, 3) of angles (B, 3) about x, y and z, radians."""
    (sx, sy, sz), (cx, cy, cz) = angles.sin().unbind(dim=1), angles.cos().unbind(dim=1)
    rows = [
        *(cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx),
        *(sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx),
        *(-sy, cy * sx, cy * cx),
    ]
    return torch.stack(rows, dim=1).unflatten(1, (3, 3))


def posed(vertices: Tensor, found: Coefficients) -> Tensor:
    """R v + t of vertices (B, V, 3)."""
    turned = vertices @ rotations(found.angles).transpose(1, 2)
    return turned + found.translation[:, None]


def projected(points: Tensor, projection: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels (B, n, 2) and depth (B, n) of points (B, n, 3) through cameras (B, 3, 4)."""
    seen = points @ projection[:, :, :3].transpose(1, 2) + projection[:, None, :, 3]
    depth = seen[..., 2]
    return seen[..., :2] / depth[..., None], depth


def shrunk(pixels: Tensor, times: int) -> Tensor:
    """uint8 crops (B, S, S, 3) as images (B, 3, S / times, S / times) in 0..1, averaged."""
    return functional.avg_pool2d(pixels.movedim(-1, 1).float() / 255.0, times)


def network_images(pixels: Tensor, shrink: int) -> Tensor:
    """uint8 crops (B, S, S, 3) as network input (B, 3, s, s), ImageNet-normalised."""
    values = shrunk(pixels, shrink)
    mean, std = (values.new_tensor(one).reshape(3, 1, 1) for one in (IMAGENET_MEAN, IMAGENET_STD))
    return (values - mean) / std
