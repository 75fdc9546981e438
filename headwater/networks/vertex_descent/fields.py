"""Displacement fields of a head's points, and the first points of a descent."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headwater.data.canonical import UNIT_MM
from headwater.networks.hourglass import StackedHourglass
from headwater.networks.pixel_aligned import mean_over_views, pixel_aligned_per_view
from headwater.networks.step_decoder import StepDecoder
from headwater.networks.vertex_descent.config import DescentConfig

IMAGE_CHANNELS = 4

# Last-layer weights and biases of some points, as a decoder's ``rows`` gives them.
Rows = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class EncodedViews:
    """N views of B heads as a field of P points reads them.

    maps: (B, N, C, h, w) features. projection: (B, N, 3, 4), from the network's axes, canonical
    units, to px. head: (B, D) more numbers about each head, D may be 0. template: (B, P, 3), where
    the points are in the head that is known before.
    """

    maps: Tensor
    projection: Tensor
    head: Tensor
    template: Tensor

    def choose(self, rows: Tensor) -> "EncodedViews":
        """The heads ``rows`` (n,)."""
        return EncodedViews(
            self.maps[rows], self.projection[rows], self.head[rows], self.template[rows]
        )


@dataclass(frozen=True)
class Field:
    """The displacements of a decoder's points over one batch of encoded views.

    beside: more inputs (B, Q, D) of the decoder for places (B, Q, 3), None where it takes none.
    """

    decoder: StepDecoder
    config: DescentConfig
    encoded: EncodedViews
    beside: Callable[[Tensor], Tensor] | None = None

    def own(self, points: Tensor, chosen: Tensor | None = None, rows: Rows | None = None) -> Tensor:
        """Displacements (B, n, 3) of points (B, n, 3), each from its own place.

        chosen: (n,) numbers of the points, None for all. rows: of the decoder, computed before.
        """
        rows = self.decoder.rows(chosen) if rows is None else rows
        step = self.decoder.own_rows(self._hidden(points), rows)
        return self._displacement(step, self._template(chosen), points)

    def every(self, places: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Displacements (B, Q, n, 3) of the points ``chosen`` (n,), or of all, from (B, Q, 3)."""
        step = self.decoder.full(self._hidden(places), self.decoder.rows(chosen))
        return self._displacement(step, self._template(chosen)[:, None], places[:, :, None])

    def _hidden(self, places: Tensor) -> Tensor:
        """Hidden units (B, Q, hidden) at places (B, Q, 3), fused over views as the config says."""
        encoded = self.encoded
        others = [] if self.beside is None else [self.beside(places)]
        features, seen = pixel_aligned_per_view(
            encoded.maps, places, encoded.projection, self.config.image_px
        )
        if self.config.fusion == "features":
            x = torch.cat([places, mean_over_views(features, seen), *others], dim=-1)
            return self.decoder.features(x, same=encoded.head)
        rest = torch.cat([places, *others], dim=-1)[:, None]
        per_view = rest.expand(-1, features.shape[1], -1, -1)
        x = torch.cat([per_view[..., :3], features, per_view[..., 3:]], dim=-1)
        return self.decoder.features(x, seen, encoded.head)

    def _template(self, chosen: Tensor | None) -> Tensor:
        template = self.encoded.template
        return template if chosen is None else template[:, chosen]

    def _displacement(self, step: Tensor, template: Tensor, points: Tensor) -> Tensor:
        """The step itself, or the clamped way to the known head plus what differs from it."""
        if not self.config.template_prior:
            return step
        place = template + (self.config.residual_mm / UNIT_MM) * step
        return (place - points).clamp(-self.config.clamp, self.config.clamp)


def image_encoder(config: DescentConfig) -> StackedHourglass:
    """f_v: crops of RGB and mask to one feature map per stack."""
    return StackedHourglass(
        IMAGE_CHANNELS,
        width=config.width,
        outputs=config.outputs,
        stacks=config.stacks,
        depth=config.depth,
        stride=config.stride,
        upsampling=config.upsampling,
    )


def image_maps(f_v: nn.Module, images: Tensor) -> list[Tensor]:
    """Maps (B N, C, h, w) of every stack, of images (B, N, 4, S, S)."""
    flat = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    return list(f_v(flat))


def starting_points(template: Tensor, config: DescentConfig, generator: torch.Generator) -> Tensor:
    """First points (n, 3) of a descent to the n points of ``template`` (n, 3)."""
    if config.start == "template":
        return template.clone()
    if config.start == "zero":
        return torch.zeros_like(template)
    return random_ball(len(template), config.start_radius_mm / UNIT_MM, generator)


def random_ball(count: int, radius: float, generator: torch.Generator) -> Tensor:
    """Points (count, 3) uniform in a ball round the canonical origin."""
    direction = torch.randn(count, 3, generator=generator)
    direction = direction / direction.norm(dim=1, keepdim=True).clamp(min=1e-8)
    reach = torch.rand(count, 1, generator=generator).pow(1.0 / 3.0)
    return torch.mul(radius * reach, direction)
