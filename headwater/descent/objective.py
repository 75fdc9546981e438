"""GLVD's losses: the fields are regressed at sampled points, no step is unrolled."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.scenes import Template
from headwater.descent.augment import augmented_batch
from headwater.descent.camera_axes import axes_of, turned_cameras, turned_points
from headwater.descent.canonical import UNIT_MM
from headwater.descent.config import GlvdConfig
from headwater.descent.data import keypoint_indices
from headwater.descent.losses import clamped_l1, laplacian_l1, oracle_path, rings_of
from headwater.descent.model import Encoded, Glvd, random_ball
from headwater.descent.view_sets import ViewSets
from headwater.heads.model import SurfacePoints
from headwater.metrics.scan_to_mesh import face_sphere
from headwater.training.loop import pass_over

KEYPOINT_QUERIES = 2
RING = 6


class Objective:
    """The losses of one step, as a function of the step and its generator.

    All that is random is drawn on the CPU, so that every device sees the same training.
    """

    def __init__(
        self,
        config: GlvdConfig,
        network: Glvd,
        sets: ViewSets,
        targets: Tensor,
    ) -> None:
        self.config = config
        self.network = network
        self.sets = sets
        self.crops = sets.crops
        self.targets = targets
        template = sets.template
        chosen = keypoint_indices(config.keypoints)
        points = template.landmarks_478
        self.keypoints = torch.stack(
            [
                torch.from_numpy(
                    SurfacePoints(points.triangles[chosen], points.weights[chosen]).on(head)
                )
                for head in targets.numpy()
            ]
        )
        near = torch.from_numpy(near_face(template))
        share = config.face_share
        self.chances = torch.where(near, share / near.sum(), (1 - share) / (~near).sum()).float()

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.template.device

    @cached_property
    def rings(self) -> Tensor:
        """(V, 1 + RING) each vertex and its neighbours, for the Laplacian term alone."""
        faces = torch.from_numpy(self.sets.template.faces.astype(np.int64))
        return rings_of(faces, len(self.chances), RING)

    def losses(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Vertex and keypoint field losses of one batch."""
        rows = pass_over(len(self.crops), self.config.batch, step)
        count = int(torch.randint(1, self.config.most_views + 1, (1,), generator=generator))
        sets = self.sets.choose(rows, count, generator)
        views = augmented_batch(self.sets, sets, self.config, generator)
        heads = self.crops.head[rows]
        truth, guides = self.targets[heads], self.keypoints[heads]
        axes = axes_of(self.config.space, views.projection)
        views = replace(views, projection=turned_cameras(views.projection, axes))
        truth, guides = turned_points(truth, axes), turned_points(guides, axes)
        encoded = self.network.encode(views.to(self.device))
        truth, guides = truth.to(self.device), guides.to(self.device)
        losses: dict[str, Tensor] = {}
        steps = self._steps(len(rows), generator)
        if self.config.keypoints:
            losses["keypoint_loss"] = self._keypoint_loss(encoded, guides, generator)
            if step < self.config.keypoint_steps:
                return losses
            guides = self._guides(encoded, guides, steps, generator)
        losses["vertex_loss"] = self._vertex_loss(encoded, truth, guides, steps, generator)
        if self.config.laplacian_weight:
            loss = self._laplacian_loss(encoded, truth, guides, steps, generator)
            losses["laplacian_loss"] = self.config.laplacian_weight * loss
        return losses

    def _steps(self, batch: int, generator: torch.Generator) -> Tensor:
        """(B, 1, 1): which moment of the descent each sample shows; beyond the last: arrived."""
        early = torch.rand(batch, 1, 1, generator=generator) * self.config.iterations
        near = torch.rand(batch, 1, 1, generator=generator) < self.config.near_share
        return torch.where(near, torch.full_like(early, 2.0 * self.config.iterations), early)

    def _vertex_loss(
        self,
        encoded: Encoded,
        truth: Tensor,
        guides: Tensor,
        steps: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        if self.config.supervision == "all":
            points = self._scattered(truth, generator)
            every = torch.arange(truth.shape[1])
            step = self.network.vertex_field(encoded, points, guides, every)
            return clamped_l1(step, points[:, :, None], truth[:, None], self.network.clamp)
        chosen = torch.multinomial(self.chances, self.config.points, generator=generator)
        target = truth[:, chosen]
        points = self._queries(target, steps, generator)
        step = self.network.vertex_step(encoded, points, guides, chosen)
        return clamped_l1(step, points, target, self.network.clamp)

    def _laplacian_loss(
        self,
        encoded: Encoded,
        truth: Tensor,
        guides: Tensor,
        steps: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Of a tenth as many vertices as are asked otherwise, each with its ring."""
        centres = torch.multinomial(
            self.chances, max(1, self.config.points // 10), generator=generator
        )
        rings = self.rings[centres]
        target = truth[:, rings.flatten()]
        points = self._queries(target, steps, generator)
        step = self.network.vertex_step(encoded, points, guides, rings.flatten())
        clamp = self.network.clamp
        wanted = points + (target - points).clamp(-clamp, clamp)
        shape = tuple(rings.shape)
        return laplacian_l1((points + step).unflatten(1, shape), wanted.unflatten(1, shape))

    def _keypoint_loss(self, encoded: Encoded, truth: Tensor, generator: torch.Generator) -> Tensor:
        if self.config.supervision == "all":
            points = self._scattered(truth, generator)
            step = self.network.keypoint_field(encoded, points)
            return clamped_l1(step, points[:, :, None], truth[:, None], self.network.clamp)
        losses = []
        for _ in range(KEYPOINT_QUERIES):
            points = self._queries(truth, self._steps(len(truth), generator), generator)
            step = self.network.keypoint_step(encoded, points)
            losses.append(clamped_l1(step, points, truth, self.network.clamp))
        return torch.stack(losses).mean()

    def _scattered(self, target: Tensor, generator: torch.Generator) -> Tensor:
        """Queries (B, points, 3): in the box, in the first ball and round points of ``target``."""
        count, total = len(target), self.config.points
        uniform, ball = total // 4, total * 3 // 20
        box = self.config.box_mm / UNIT_MM
        in_box = box * (2 * torch.rand(count, uniform, 3, generator=generator) - 1)
        in_ball = self._starts(count, ball, generator)
        near = total - uniform - ball
        chosen = torch.randint(target.shape[1], (count, near, 1), generator=generator)
        around = target.gather(1, chosen.expand(-1, -1, 3).to(self.device))
        around = around + self._jitter(count, near, generator)
        return torch.cat([in_box.to(self.device), in_ball, around], dim=1)

    def _starts(self, count: int, points: int, generator: torch.Generator) -> Tensor:
        """First points (count, points, 3) of descents, in the ball."""
        radius = self.config.start_radius_mm / UNIT_MM
        ball = random_ball(count * points, radius, generator).to(self.device)
        return ball.reshape(count, points, 3)

    def _jitter(self, count: int, points: int, generator: torch.Generator) -> Tensor:
        """Noise (count, points, 3) of mixed spread."""
        sigmas = torch.tensor(self.config.near_sigmas_mm) / UNIT_MM
        sigma = sigmas[torch.randint(len(sigmas), (count, points, 1), generator=generator)]
        return (sigma * torch.randn(count, points, 3, generator=generator)).to(self.device)

    def _queries(self, target: Tensor, steps: Tensor, generator: torch.Generator) -> Tensor:
        """Points on the oracle's descent to ``target`` (B, n, 3), with noise."""
        count, points, _ = target.shape
        start = self._starts(count, points, generator)
        noise = self._jitter(count, points, generator)
        return oracle_path(start, target, steps.to(self.device), self.network.clamp) + noise

    def _guides(
        self, encoded: Encoded, truth: Tensor, steps: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Keypoints (B, K, 3) that P is computed from: true, halfway or the branch's own."""
        count, points, _ = truth.shape
        start = self._starts(count, points, generator)
        blend = torch.rand(count, 1, 1, generator=generator).to(self.device)
        noise = torch.randn(truth.shape, generator=generator).to(self.device)
        true = truth + noise * (self.config.keypoint_noise_mm / UNIT_MM)
        kind = torch.rand(count, 1, 1, generator=generator)
        near, halfway = self.config.keypoint_shares
        mixed = torch.where(kind.to(self.device) < near, true, (1 - blend) * start + blend * truth)
        own = torch.nonzero(kind.flatten() >= near + halfway).flatten()
        if len(own):
            mixed[own] = self._rolled_out(encoded, start, steps, own)
        return mixed

    @torch.no_grad()
    def _rolled_out(self, encoded: Encoded, start: Tensor, steps: Tensor, own: Tensor) -> Tensor:
        """The keypoint branch's own state at the moment that the vertices show."""
        few = encoded.choose(own)
        keypoints = start[own]
        last = (steps[own].floor() + 1).clamp(max=self.config.iterations)
        for step in range(int(last.max())):
            moved = keypoints + self.network.keypoint_step(few, keypoints)
            keypoints = torch.where((step < last).to(self.device), moved, keypoints)
        return keypoints


def near_face(template: Template) -> NDArray[np.bool_]:
    """(V,) bool: the vertices that the benchmark's face lies round."""
    near = np.zeros(len(template.mean), dtype=bool)
    near[face_sphere(template.mean, template.nose_tip(template.mean))] = True
    return near
