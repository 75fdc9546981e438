"""GLVD's losses: the fields of keypoints and vertices are regressed, no step is unrolled."""

import torch
from torch import Tensor

from headwater.data.camera_axes import turned_points
from headwater.data.canonical import UNIT_MM
from headwater.data.head_batches import HeadBatch, HeadBatches
from headwater.networks.vertex_descent.losses import clamped_l1
from headwater.networks.vertex_descent.objective import VertexObjective
from headwater.networks.vertex_descent.training import Examples
from headwater.systems.glvd.config import GlvdConfig
from headwater.systems.glvd.data import Guidance, ViewBatch, keypoints_of
from headwater.systems.glvd.model import Encoded, Glvd
from headwater.training.draws import WHOLE, Share, pass_over

KEYPOINT_QUERIES = 2


class Objective:
    """The losses of one step, as a function of the step and its generator.

    All that is random but the noise of pixels is drawn on the CPU, so that every device sees the
    same training.
    """

    def __init__(
        self,
        config: GlvdConfig,
        network: Glvd,
        examples: Examples,
        batches: HeadBatches,
        guidance: Guidance,
        share: Share = WHOLE,
    ) -> None:
        self.config, self.network, self.share = config, network, share
        self.examples, self.batches, self.guidance = examples, batches, guidance
        self.keypoints = keypoints_of(examples.targets, examples.template, config.keypoints)
        self.vertices = VertexObjective(config, examples.template)
        self.points = self.vertices.points

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.network.template.device

    def losses(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Vertex and keypoint field losses of one batch, by name."""
        first = pass_over(len(self.examples.crops), self.config.batch, step, self.share)
        batch = self.batches.draw(first, generator)
        truth = turned_points(self.examples.targets[batch.heads], batch.axes).to(self.device)
        guides = turned_points(self.keypoints[batch.heads], batch.axes).to(self.device)
        encoded = self.network.encode(self.views(batch).to(self.device))
        moments = self.points.moments(len(first), generator)
        losses = {"keypoint_loss": self._keypoint_loss(encoded, guides, generator)}
        if step < self.config.keypoint_steps:
            return losses
        guides = self._guides(encoded, guides, moments, generator)
        field = self.network.vertex_field(encoded, guides)
        return losses | self.vertices.losses(field, truth, moments, generator)

    def views(self, batch: HeadBatch) -> ViewBatch:
        """The network's input, with landmarks and peaks disturbed alike.

        Points beyond the landmarks have the errors of these, in turn.
        """
        rows, noise = batch.rows, batch.jitter * self.config.landmark_noise_px
        peaks, heat = self.guidance.peaks, self.guidance.heat
        if peaks is not None:
            peaks = peaks[rows] + noise[:, :, torch.arange(peaks.shape[1]) % noise.shape[2]]
        return ViewBatch(
            batch.images,
            self.examples.crops.landmarks[rows] + noise,
            batch.projection,
            self.examples.crops.projection[rows],
            self.examples.crops.estimated[rows],
            peaks,
            None if heat is None else heat[rows],
            self.examples.persons(batch.heads),
        )

    def _keypoint_loss(self, encoded: Encoded, truth: Tensor, generator: torch.Generator) -> Tensor:
        field, clamp = self.network.keypoint_field(encoded), self.config.clamp
        if self.config.supervision == "all":
            points = self.points.scattered(truth, generator)
            return clamped_l1(field.every(points), points[:, :, None], truth[:, None], clamp)
        losses = []
        for _ in range(KEYPOINT_QUERIES):
            moments = self.points.moments(len(truth), generator)
            end = truth
            if self.config.template_prior:
                end = self.points.towards(encoded.keypoints.template, truth, generator)
            points = self.points.on_path(end, moments, generator)
            losses.append(clamped_l1(field.own(points), points, truth, clamp))
        return torch.stack(losses).mean()

    def _guides(
        self, encoded: Encoded, truth: Tensor, moments: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Keypoints (B, K, 3) that P is computed from: true, halfway or the branch's own.

        Halfway begins at the branch's own where a head is known before, else at the first points.
        """
        count = len(truth)
        start = self.points.starts(truth, truth.shape[1], generator)
        blend = torch.rand(count, 1, 1, generator=generator).to(self.device)
        noise = torch.randn(truth.shape, generator=generator).to(self.device)
        kind = torch.rand(count, 1, 1, generator=generator)
        near, halfway = self.config.keypoint_shares
        prior = self.config.template_prior
        rolled = kind.flatten() >= (near if prior else near + halfway)
        own, mixed = torch.nonzero(rolled).flatten(), start.clone()
        if len(own):
            mixed[own] = self._rolled_out(encoded, start, moments, own)
        kind = kind.to(self.device)
        mixed = torch.where(kind < near + halfway, torch.lerp(mixed, truth, blend), mixed)
        true = truth + noise * (self.config.keypoint_noise_mm / UNIT_MM)
        return torch.where(kind < near, true, mixed)

    @torch.no_grad()
    def _rolled_out(self, encoded: Encoded, start: Tensor, moments: Tensor, own: Tensor) -> Tensor:
        """The keypoint branch's own state at the moment that the vertices show."""
        field = self.network.keypoint_field(encoded.choose(own))
        keypoints = start[own]
        last = (moments[own].floor() + 1).clamp(max=self.config.iterations)
        for step in range(int(last.max())):
            moved = keypoints + field.own(keypoints)
            keypoints = torch.where((step < last).to(self.device), moved, keypoints)
        return keypoints
