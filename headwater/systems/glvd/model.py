"""The GLVD network: encoders f_v and f_k, step decoders g_k and g_v, and the guided descent."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from headwater.networks.hourglass import MapHourglass
from headwater.networks.landmark_encoder import LandmarkEncoder
from headwater.networks.localiser.network import Localiser
from headwater.networks.localiser.points import LANDMARKS
from headwater.networks.step_decoder import StepDecoder
from headwater.networks.vertex_descent.fields import (
    EncodedViews,
    Field,
    Rows,
    image_encoder,
    image_maps,
)
from headwater.systems.glvd.config import GlvdConfig
from headwater.systems.glvd.data import ViewBatch
from headwater.systems.glvd.heatmaps import heatmaps, resized
from headwater.systems.glvd.relative_encoding import RELATIVE_ENCODINGS

RELATIVE_GAIN = 10.0
# Heatmaps are nearly all zero: without a gain the encoder's maps beside them drown them.
HEATMAP_GAIN = 16.0


@dataclass(frozen=True)
class Encoded:
    """A batch as the vertices' field and the keypoints' field read it."""

    vertices: EncodedViews
    keypoints: EncodedViews

    def choose(self, rows: Tensor) -> "Encoded":
        """The heads ``rows`` (n,) of the batch."""
        return Encoded(self.vertices.choose(rows), self.keypoints.choose(rows))


@dataclass(frozen=True)
class Descent:
    """States of a descent in canonical units: (T + 1, B, V, 3) and (T + 1, B, K, 3)."""

    vertices: Tensor
    keypoints: Tensor


class Glvd(nn.Module):
    """Guided learned vertex descent for one template.

    template: (V, 3) canonical mean head. keypoint_template: (K, 3) its keypoints.
    landmark_template: (68, 3) its landmarks, or (P, 3) the points that its localiser looks for, the
    landmarks first.
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
        self.f_v = image_encoder(config)
        trained, keypoints = config.trains_localiser, len(keypoint_template)
        self.landmark_encoder: LandmarkEncoder | None = None
        if config.landmark_features:
            self.landmark_encoder = LandmarkEncoder(
                _with_detected(landmark_template) if trained else landmark_template,
                config.image_px,
                config.landmark_features,
                len(template) + keypoints,
            )
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
        self.localiser: Localiser | None = None
        if trained:
            points = len(landmark_template)
            localiser = Localiser(config.localiser, config.image_px, points)
            self.localiser = localiser.requires_grad_(False)

    def encode(self, views: ViewBatch) -> Encoded:
        """Feature maps of every view; no gradient reaches landmarks or heatmaps (frozen)."""
        if self.localiser is not None and views.peaks is None:
            raise ValueError("trained heatmaps need the peaks of the localiser")
        shape = tuple(views.images.shape[:2])
        maps = image_maps(self.f_v, views.images)
        heat = self._heat(views, maps[-1].shape[-1])
        keypoint_maps = self.f_s(torch.cat([HEATMAP_GAIN * heat, maps[-1]], dim=1))
        features = views.images.new_zeros(shape[0], 0)
        suggested = torch.cat([self.template, self.keypoint_template]).expand(shape[0], -1, -1)
        if self.landmark_encoder is not None:
            landmarks = self.located(views.landmarks, views.peaks)
            learned = self.landmark_encoder(landmarks, views.alone, views.estimated, views.person)
            features, suggested = learned.features, suggested + learned.differences
        template, keypoints = suggested.split(
            [len(self.template), len(self.keypoint_template)], dim=1
        )
        joined = torch.cat(maps, dim=1).unflatten(0, shape)
        return Encoded(
            EncodedViews(joined, views.projection, features, template),
            EncodedViews(keypoint_maps.unflatten(0, shape), views.projection, features, keypoints),
        )

    def located(self, landmarks: Tensor, peaks: Tensor | None) -> Tensor:
        """Landmarks that the landmark encoder takes, (..., 68 or 68 + P, 2).

        The detected ones, followed by the localiser's points where there is one.
        """
        if self.localiser is None or peaks is None:
            return landmarks.detach()
        return torch.cat([landmarks, peaks], dim=-2).detach()

    @torch.no_grad()
    def _heat(self, views: ViewBatch, side: int) -> Tensor:
        """(B N, M, side, side) float32 heatmaps."""
        if views.heat is not None:
            return resized(views.heat.flatten(0, 1).float(), side)
        peaks = views.landmarks if views.peaks is None else views.peaks[..., :LANDMARKS, :]
        return heatmaps(
            peaks.flatten(0, 1), self.config.image_px, side, self.config.heatmap_sigma_cells
        )

    def keypoint_field(self, encoded: Encoded) -> Field:
        """Equation 1: the keypoints' displacement field."""
        return Field(self.g_k, self.config, encoded.keypoints)

    def vertex_field(self, encoded: Encoded, keypoints: Tensor) -> Field:
        """Equation 2: the vertices' displacement field, given keypoints (B, K, 3)."""
        beside = partial(self._relative, keypoints, encoded.vertices.projection)
        return Field(self.g_v, self.config, encoded.vertices, beside)

    def descend(
        self,
        encoded: Encoded,
        vertices: Tensor,
        keypoints: Tensor,
        iterations: int,
        *,
        held: bool = False,
        rows: Rows | None = None,
    ) -> Descent:
        """Iterate from vertices (B, V, 3) and keypoints (B, K, 3); the keypoints step first.

        held: the keypoints stay where they are, for guides that are known. rows: of g_v, computed
        before.
        """
        states, guides = [vertices], [keypoints]
        rows = self.g_v.rows() if rows is None else rows
        keypoint_field = self.keypoint_field(encoded)
        for _ in range(iterations):
            if not held:
                keypoints = keypoints + keypoint_field.own(keypoints)
            vertices = vertices + self.vertex_field(encoded, keypoints).own(vertices, rows=rows)
            states.append(vertices)
            guides.append(keypoints)
        return Descent(torch.stack(states), torch.stack(guides))

    def _relative(self, keypoints: Tensor, projection: Tensor, vertices: Tensor) -> Tensor:
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


def _with_detected(points: Tensor) -> Tensor:
    """The localiser's points (P, 3), after the landmarks among them, which are detected, too."""
    return torch.cat([points[:LANDMARKS], points])
