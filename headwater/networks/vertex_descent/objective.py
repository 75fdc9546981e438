"""The vertex field's losses: it is regressed at sampled points, no step is unrolled."""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.scenes import Template
from headwater.errors import HeadwaterError
from headwater.metrics.scan_to_mesh import face_sphere
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.fields import Field
from headwater.networks.vertex_descent.losses import clamped_l1, laplacian_l1, rings_of
from headwater.networks.vertex_descent.points import QueryPoints

RING = 6


class VertexObjective:
    """Losses of a vertex field under the settings of a descent, for one template.

    Raises HeadwaterError where more points of one head and step are wanted than it has vertices.
    """

    def __init__(self, config: DescentConfig, template: Template) -> None:
        vertices = len(template.mean)
        if config.supervision == "own" and config.points > vertices:
            raise HeadwaterError(
                f"points is {config.points}, but a head has {vertices} vertices; set points to "
                "at most that under overrides in params.yaml"
            )
        self.config, self.template = config, template
        self.points = QueryPoints(config)
        near = torch.from_numpy(near_face(template))
        share = config.face_share
        self.chances = torch.where(near, share / near.sum(), (1 - share) / (~near).sum()).float()

    @cached_property
    def rings(self) -> Tensor:
        """(V, 1 + RING) each vertex and its neighbours, for the Laplacian term alone."""
        faces = torch.from_numpy(self.template.faces.astype(np.int64))
        return rings_of(faces, len(self.chances), RING)

    def losses(
        self, vertices: Field, truth: Tensor, moments: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Losses by name of the field of vertices, for their true places (B, V, 3).

        moments: (B, 1, 1), of the descent, as ``QueryPoints`` draws them.
        """
        losses = {"vertex_loss": self._vertex_loss(vertices, truth, moments, generator)}
        if self.config.laplacian_weight:
            loss = self._laplacian_loss(vertices, truth, moments, generator)
            losses["laplacian_loss"] = self.config.laplacian_weight * loss
        return losses

    def _vertex_loss(
        self, vertices: Field, truth: Tensor, moments: Tensor, generator: torch.Generator
    ) -> Tensor:
        if self.config.supervision == "all":
            points = self.points.scattered(truth, generator)
            step = vertices.every(points)
            return clamped_l1(step, points[:, :, None], truth[:, None], self.config.clamp)
        chosen = torch.multinomial(self.chances, self.config.points, generator=generator)
        target = truth[:, chosen]
        end = target
        if self.config.template_prior:
            end = self.points.towards(vertices.encoded.template[:, chosen], target, generator)
        points = self.points.on_path(end, moments, generator)
        return clamped_l1(vertices.own(points, chosen), points, target, self.config.clamp)

    def _laplacian_loss(
        self, vertices: Field, truth: Tensor, moments: Tensor, generator: torch.Generator
    ) -> Tensor:
        """The Laplacian term of a tenth of ``points`` vertices, each with its ring."""
        centres = torch.multinomial(
            self.chances, max(1, self.config.points // 10), generator=generator
        )
        rings = self.rings[centres]
        target = truth[:, rings.flatten()]
        points = self.points.on_path(target, moments, generator)
        step = vertices.own(points, rings.flatten())
        clamp = self.config.clamp
        wanted = points + (target - points).clamp(-clamp, clamp)
        shape = tuple(rings.shape)
        return laplacian_l1((points + step).unflatten(1, shape), wanted.unflatten(1, shape))


def near_face(template: Template) -> NDArray[np.bool_]:
    """(V,) bool: the vertices that the benchmark's face lies round."""
    near = np.zeros(len(template.mean), dtype=bool)
    near[face_sphere(template.mean, template.nose_tip(template.mean))] = True
    return near
