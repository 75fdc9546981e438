"""Query points of the training: places at which fields are regressed.

All that is random is drawn on the CPU, so that every device sees the same training.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from headwater.data.canonical import UNIT_MM
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.fields import random_ball
from headwater.networks.vertex_descent.losses import oracle_path


@dataclass(frozen=True)
class QueryPoints:
    """Draws query points as the config says; they lie on the device of their targets."""

    config: DescentConfig

    def moments(self, heads: int, generator: torch.Generator) -> Tensor:
        """(heads, 1, 1): steps of the descent that each sample shows; beyond the last: arrived."""
        early = torch.rand(heads, 1, 1, generator=generator) * self.config.iterations
        near = torch.rand(heads, 1, 1, generator=generator) < self.config.near_share
        return torch.where(near, torch.full_like(early, 2.0 * self.config.iterations), early)

    def on_path(self, target: Tensor, moments: Tensor, generator: torch.Generator) -> Tensor:
        """Points on a perfect descent to ``target`` (B, n, 3), at ``moments``, with noise."""
        start = self.starts(target, target.shape[1], generator)
        noise = self._noise(target, target.shape[1], generator)
        return oracle_path(start, target, moments.to(target.device), self.config.clamp) + noise

    def towards(self, known: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """Points between the known head and ``target``, both (B, n, 3), where descents arrive."""
        blend = torch.rand(len(target), 1, 1, generator=generator).to(target.device)
        return torch.lerp(known.detach(), target, blend)

    def scattered(self, target: Tensor, generator: torch.Generator) -> Tensor:
        """(B, points, 3) as LVD draws them, for ``target`` (B, n, 3).

        A quarter uniform in the box, 15 % in the first ball, the rest round points of the target.
        """
        count, total = len(target), self.config.points
        uniform, ball = total // 4, total * 3 // 20
        box = self.config.box_mm / UNIT_MM
        in_box = box * (2 * torch.rand(count, uniform, 3, generator=generator) - 1)
        in_ball = self.starts(target, ball, generator)
        near = total - uniform - ball
        chosen = torch.randint(target.shape[1], (count, near, 1), generator=generator)
        around = target.gather(1, chosen.expand(-1, -1, 3).to(target.device))
        around = around + self._noise(target, near, generator)
        return torch.cat([in_box.to(target.device), in_ball, around], dim=1)

    def starts(self, target: Tensor, points: int, generator: torch.Generator) -> Tensor:
        """First points (B, points, 3) of descents to the heads of ``target``, in the ball."""
        radius = self.config.start_radius_mm / UNIT_MM
        ball = random_ball(len(target) * points, radius, generator).to(target.device)
        return ball.reshape(len(target), points, 3)

    def _noise(self, target: Tensor, points: int, generator: torch.Generator) -> Tensor:
        """Noise (B, points, 3) of mixed spread."""
        sigmas = torch.tensor(self.config.near_sigmas_mm) / UNIT_MM
        sigma = sigmas[torch.randint(len(sigmas), (len(target), points, 1), generator=generator)]
        noise = torch.randn(len(target), points, 3, generator=generator)
        return (sigma * noise).to(target.device)
