"""The GLVD network: encoders f_v and f_k, step decoders g_k and g_v, and the descent."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from headwater.descent.canonical import UNIT_MM
from headwater.descent.config import GlvdConfig
from headwater.descent.decoder import StepDecoder
from headwater.descent.encoding import RELATIVE_ENCODINGS
from headwater.descent.features import mean_over_views, pixel_aligned_per_view
from headwater.descent.hourglass import MapHourglass, StackedHourglass
from headwater.descent.landmark_encoder import LandmarkEncoder
from headwater.descent.localiser import Localiser

IMAGE_CHANNELS = 4
RELATIVE_GAIN = 10.0
# Heatmaps are nearly all zero: without a gain the encoder's maps beside them drown them.
HEATMAP_GAIN = 16.0
SMALLEST_HEAT = 1e-5


@dataclass(frozen=True)
class ViewBatch:
    """Network input, N views of each of B heads.

    images: (B, N, 4, S, S) float32, normalised RGB with the background zero, and the mask.
    landmarks: (B, N, 68, 2) float32 px in the crop, NaN where not found.
    projection: (B, N, 3, 4) float32, canonical units to px in the crop.
    heat: (B, N, M, h, w) heatmaps of a network. None: Gaussians are drawn at ``peaks``
    (B, N, 68, 2) px in the crop, or, where these are None too, at the landmarks. A network with
    f_h needs its peaks.
    """

    images: Tensor
    landmarks: Tensor
    projection: Tensor
    peaks: Tensor | None = None
    heat: Tensor | None = None

    def to(self, device: torch.device) -> "ViewBatch":
        """The same on a device."""
        return ViewBatch(
            self.images.to(device),
            self.landmarks.to(device),
            self.projection.to(device),
            None if self.peaks is None else self.peaks.to(device),
            None if self.heat is None else self.heat.to(device),
        )


@dataclass(frozen=True)
class Encoded:
    """What the encoders make of a batch.

    vertex_maps, keypoint_maps: (B, N, C, h, w); projection: (B, N, 3, 4); landmarks: (B, D), D = 0
    without a landmark encoder. template: (B, V, 3) and keypoint_template: (B, K, 3), the heads that
    the landmarks suggest, or the mean head.
    """

    vertex_maps: Tensor
    keypoint_maps: Tensor | None
    projection: Tensor
    landmarks: Tensor
    template: Tensor
    keypoint_template: Tensor

    def choose(self, rows: Tensor) -> "Encoded":
        """The heads ``rows`` (n,) of the batch."""
        maps = self.keypoint_maps
        return Encoded(
            self.vertex_maps[rows],
            None if maps is None else maps[rows],
            self.projection[rows],
            self.landmarks[rows],
            self.template[rows],
            self.keypoint_template[rows],
        )


@dataclass(frozen=True)
class Descent:
    """States of a descent in canonical units: (T + 1, B, V, 3) and (T + 1, B, K, 3)."""

    vertices: Tensor
    keypoints: Tensor


class Glvd(nn.Module):
    """Guided learned vertex descent for one template.

    template: (V, 3) canonical mean head. keypoint_template: (K, 3) its keypoints.
    landmark_template: (68, 3) its landmarks.
    smoothing: (V, anchors) shares of the shared last-layer weights, None without anchors.
    """

    def __init__(
        self,
        config: GlvdConfig,
        template: Tensor,
        keypoint_template: Tensor,
        landmark_template: Tensor,
        smoothing: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("template", template)
        self.register_buffer("keypoint_template", keypoint_template)
        self.template: Tensor
        self.keypoint_template: Tensor
        self.f_v = StackedHourglass(
            IMAGE_CHANNELS,
            width=config.width,
            outputs=config.outputs,
            stacks=config.stacks,
            depth=config.depth,
            stride=config.stride,
            upsampling=config.upsampling,
        )
        trained = config.trains_localiser
        self.f_l: LandmarkEncoder | None = None
        if config.landmark_features:
            self.f_l = LandmarkEncoder(
                landmark_template.repeat(2, 1) if trained else landmark_template,
                config.image_px,
                config.landmark_features,
                len(template) + len(keypoint_template),
            )
        keypoints = len(keypoint_template)
        self.f_s: MapHourglass | None = None
        self.g_k: StepDecoder | None = None
        if keypoints:
            self.f_s = MapHourglass(
                config.heatmaps.maps + config.outputs,
                width=config.width,
                outputs=config.outputs,
                depth=config.keypoint_depth,
                upsampling=config.upsampling,
            )
            inputs = 3 + config.outputs + config.landmark_features
            self.g_k = StepDecoder(inputs, config.hidden, keypoints)
        self.relative = RELATIVE_ENCODINGS[config.relative_encoding]
        inputs = 3 + config.stacks * config.outputs + self.relative.width * keypoints
        inputs += config.landmark_features
        self.g_v = StepDecoder(inputs, config.hidden, len(template), smoothing)
        self.f_h: Localiser | None = None
        if trained:
            self.f_h = Localiser(config.localiser, config.image_px).requires_grad_(False)

    @property
    def clamp(self) -> float:
        """Lambda in canonical units."""
        return self.config.clamp_mm / UNIT_MM

    def encode(self, views: ViewBatch) -> Encoded:
        """Feature maps of every view; no gradient reaches landmarks or heatmaps (frozen)."""
        if self.f_h is not None and views.peaks is None:
            raise ValueError("trained heatmaps need the peaks that f_h finds")
        batch, count = views.images.shape[:2]
        images = views.images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        maps = self.f_v(images)
        side = maps[-1].shape[-1]
        keypoint_maps = None
        if self.f_s is not None:
            heat = self._heat(views, side)
            joined = self.f_s(torch.cat([HEATMAP_GAIN * heat, maps[-1]], dim=1))
            keypoint_maps = joined.unflatten(0, (batch, count))
        vertex_maps = torch.cat(maps, dim=1).unflatten(0, (batch, count))
        landmarks = views.images.new_zeros(batch, 0)
        suggested = torch.cat([self.template, self.keypoint_template]).expand(batch, -1, -1)
        if self.f_l is not None:
            found = self.f_l(self.located(views.landmarks, views.peaks), views.projection)
            landmarks, suggested = found.features, suggested + found.differences
        sizes = [len(self.template), len(self.keypoint_template)]
        return Encoded(
            vertex_maps, keypoint_maps, views.projection, landmarks, *suggested.split(sizes, dim=1)
        )

    def located(self, landmarks: Tensor, peaks: Tensor | None) -> Tensor:
        """What f_l takes: detected landmarks (..., 68, 2), followed by f_h's where there is one."""
        if self.f_h is None or peaks is None:
            return landmarks.detach()
        return torch.cat([landmarks, peaks], dim=-2).detach()

    @torch.no_grad()
    def _heat(self, views: ViewBatch, side: int) -> Tensor:
        """(B N, M, side, side) float32 heatmaps."""
        if views.heat is not None:
            return resized(views.heat.flatten(0, 1).float(), side)
        peaks = views.landmarks if views.peaks is None else views.peaks
        return heatmaps(
            peaks.flatten(0, 1), self.config.image_px, side, self.config.heatmap_sigma_cells
        )

    def keypoint_step(self, encoded: Encoded, keypoints: Tensor) -> Tensor:
        """Equation 1: displacement (B, K, 3) of keypoints (B, K, 3)."""
        if self.g_k is None or encoded.keypoint_maps is None:
            return torch.zeros_like(keypoints)
        features = self._trunk(self.g_k, encoded, encoded.keypoint_maps, keypoints, [])
        step = self.g_k.own_rows(features, self.g_k.rows())
        return step + self._towards(encoded.keypoint_template, keypoints)

    def vertex_step(
        self,
        encoded: Encoded,
        vertices: Tensor,
        keypoints: Tensor,
        chosen: Tensor | None = None,
        rows: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Equation 2: displacement (B, n, 3) of vertices (B, n, 3), given keypoints (B, K, 3).

        chosen: (n,) vertex indices, None for all. rows: of ``g_v``, to compute them once.
        """
        features = self._vertex_features(encoded, vertices, keypoints)
        step = self.g_v.own_rows(features, self.g_v.rows(chosen) if rows is None else rows)
        template = encoded.template if chosen is None else encoded.template[:, chosen]
        return step + self._towards(template, vertices)

    def vertex_field(
        self, encoded: Encoded, points: Tensor, keypoints: Tensor, chosen: Tensor
    ) -> Tensor:
        """Displacements (B, Q, n, 3) of the vertices ``chosen`` (n,) from points (B, Q, 3)."""
        features = self._vertex_features(encoded, points, keypoints)
        step = self.g_v.full(features, self.g_v.rows(chosen))
        return step + self._towards(encoded.template[:, None, chosen], points[:, :, None])

    def keypoint_field(self, encoded: Encoded, points: Tensor) -> Tensor:
        """Displacements (B, Q, K, 3) of all keypoints from points (B, Q, 3)."""
        if self.g_k is None or encoded.keypoint_maps is None:
            return points.new_zeros(*points.shape[:2], 0, 3)
        features = self._trunk(self.g_k, encoded, encoded.keypoint_maps, points, [])
        step = self.g_k.full(features, self.g_k.rows())
        return step + self._towards(encoded.keypoint_template[:, None], points[:, :, None])

    def _vertex_features(self, encoded: Encoded, points: Tensor, keypoints: Tensor) -> Tensor:
        relative = self._relative(points, keypoints, encoded.projection)
        return self._trunk(self.g_v, encoded, encoded.vertex_maps, points, [relative])

    def _trunk(
        self,
        decoder: StepDecoder,
        encoded: Encoded,
        maps: Tensor,
        points: Tensor,
        others: list[Tensor],
    ) -> Tensor:
        """Hidden units (B, Q, hidden) at points (B, Q, 3), fused over views as the config says."""
        found = encoded.landmarks[:, None].expand(-1, points.shape[1], -1)
        features, seen = pixel_aligned_per_view(
            maps, points, encoded.projection, self.config.image_px
        )
        if self.config.fusion == "features":
            fused = mean_over_views(features, seen)
            return decoder.features(torch.cat([points, fused, *others, found], dim=-1))
        rest = torch.cat([points, *others, found], dim=-1)[:, None]
        per_view = rest.expand(-1, features.shape[1], -1, -1)
        place, tail = per_view[..., :3], per_view[..., 3:]
        return decoder.features(torch.cat([place, features, tail], dim=-1), seen)

    def descend(
        self,
        encoded: Encoded,
        vertices: Tensor,
        keypoints: Tensor,
        iterations: int,
        *,
        held: bool = False,
    ) -> Descent:
        """Iterate from vertices (B, V, 3) and keypoints (B, K, 3); the keypoints step first.

        held: the keypoints stay where they are, for guides that are known.
        """
        states, guides = [vertices], [keypoints]
        rows = self.g_v.rows()
        for _ in range(iterations):
            if not held:
                keypoints = keypoints + self.keypoint_step(encoded, keypoints)
            vertices = vertices + self.vertex_step(encoded, vertices, keypoints, rows=rows)
            states.append(vertices)
            guides.append(keypoints)
        return Descent(torch.stack(states), torch.stack(guides))

    def _relative(self, vertices: Tensor, keypoints: Tensor, projection: Tensor) -> Tensor:
        """P; with the template prior its difference to the mean head's P at the same place.

        Heads differ by millimetres at distances of decimetres: as plain distances that difference
        is a few per cent of the input and is learned late.
        """
        relative = self.relative.encode(vertices, keypoints, projection)
        if not self.config.template_prior:
            return relative
        template = self.keypoint_template.expand_as(keypoints)
        usual = self.relative.encode(vertices, template, projection)
        return (relative - usual) * RELATIVE_GAIN

    def _towards(self, template: Tensor, points: Tensor) -> Tensor:
        if not self.config.template_prior:
            return torch.zeros_like(points)
        return (template - points).clamp(-self.clamp, self.clamp)


def heatmaps(landmarks: Tensor, image_px: int, side: int, sigma_cells: float) -> Tensor:
    """Gaussian maps (n, 68, side, side), peak 1, of landmarks (n, 68, 2) px; zero where NaN.

    They stand for the paper's frozen heatmap network: the landmarks come from a frozen detector.
    """
    centres = torch.arange(side, dtype=landmarks.dtype, device=landmarks.device) + 0.5
    offsets = landmarks[..., None] * (side / image_px) - centres
    falloff = torch.exp(-0.5 * (offsets / sigma_cells) ** 2)
    maps = falloff[:, :, 1, :, None] * falloff[:, :, 0, None, :]
    # The tails are cut: their subnormal numbers would slow every convolution down many times.
    return torch.where(maps > SMALLEST_HEAT, maps, torch.zeros_like(maps))


def resized(heat: Tensor, side: int) -> Tensor:
    """Heatmaps (n, M, h, w) float32 as (n, M, side, side): bilinear, averaged where they shrink."""
    if heat.shape[-2:] == (side, side):
        return heat
    return functional.interpolate(heat, size=(side, side), mode="bilinear", antialias=True)


def starting_points(template: Tensor, config: GlvdConfig, generator: torch.Generator) -> Tensor:
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
