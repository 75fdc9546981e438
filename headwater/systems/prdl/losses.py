"""The loss of PRDL, eq. 7: parts, landmarks, colours and the coefficients' prior."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from headwater.data.scenes import Template
from headwater.faces.vocabulary import IBUG68_FROM_478, IBUG_INNER_LIPS, Part
from headwater.heads.part_map import part_map
from headwater.systems.prdl.anchors import coarse_targets, strided_loss
from headwater.systems.prdl.config import PUBLISHED_PX, PrdlConfig, Weights
from headwater.systems.prdl.data import Examples
from headwater.systems.prdl.model import (
    SHIFT_SPREAD,
    TURN_SPREAD,
    Coefficients,
    Prdl,
    posed,
    projected,
    rotations,
)
from headwater.systems.prdl.part_points import part_points, triangle_parts
from headwater.systems.prdl.shading import BANDS, shaded, vertex_normals
from headwater.systems.prdl.visibility import Shown, rendered, shown_faces

# Deep3D's weights of the 68 landmarks: the nose's lower bridge and the inner lips count more.
_HEAVY: Final = 20.0
_HEAVY_NOSE: Final = slice(28, 31)
# Faces turned further than this hide points that their image cannot show.
SELF_OCCLUSION_DEGREES: Final = 30.0


@dataclass(frozen=True)
class Face:
    """A topology as the losses take it.

    corners: (68, 3) int64 and corner_weights: (68, 3) of the landmarks. faces: (F, 3) int64 of the
    whole surface; front: rows of those that bear a part.
    """

    template: Template
    corners: Tensor
    corner_weights: Tensor
    faces: Tensor
    front: Tensor

    @staticmethod
    def of(template: Template) -> "Face":
        """Of a template."""
        points = template.landmarks_478
        parts = part_map(template.mean, template.faces, points)
        return Face(
            template,
            torch.from_numpy(points.triangles[IBUG68_FROM_478].astype(np.int64)),
            torch.from_numpy(points.weights[IBUG68_FROM_478]),
            torch.from_numpy(template.faces.astype(np.int64)),
            torch.nonzero(triangle_parts(template, parts) != Part.NONE).flatten(),
        )

    def landmarks(self, vertices: Tensor) -> Tensor:
        """The 68 landmarks (B, 68, C) of values (B, V, C) of vertices."""
        at = vertices[:, self.corners.to(vertices.device)]
        return (at * self.corner_weights.to(vertices)[:, :, None]).sum(dim=2)


class Objective:
    """The losses of coefficients against examples, weighted as the config says."""

    def __init__(self, config: PrdlConfig, template: Template) -> None:
        self.config, self.face = config, Face.of(template)
        self.points = part_points(template, config.crop_mm / config.image_px)
        self.front = self.face.faces[self.face.front]
        # Squared pixels of a crop of another size than the published one count as there.
        self.scale = (PUBLISHED_PX / config.image_px) ** 2

    def losses(
        self, network: Prdl, found: Coefficients, examples: Examples, weights: Weights
    ) -> dict[str, Tensor]:
        """Weighted losses by name; those of weight 0 are left out."""
        device = network.mean.device
        projection = examples.projection.to(device)
        vertices = posed(network.shape(found), found)
        pixels, depth = projected(vertices, projection)
        losses = {"regular_loss": weights.regular * self._regular(found, weights)}
        if weights.landmarks:
            landmarks, _ = projected(self.face.landmarks(vertices), projection)
            error = landmark_loss(landmarks, examples.landmarks.to(device))
            losses["landmark_loss"] = weights.landmarks * self.scale * error
        shown = None
        if weights.photometric or _turned(projection, found).any():
            side = self.config.image_px
            shown = shown_faces(pixels, depth, self.front.to(device), side)
        if weights.prdl:
            error = self._prdl(network, found, vertices, examples, shown)
            losses["prdl_loss"] = weights.prdl * self.scale * error
        if weights.photometric and shown is not None:
            losses |= self._colours(network, found, (pixels, depth), examples, shown, weights)
        return losses

    def _prdl(
        self,
        network: Prdl,
        found: Coefficients,
        vertices: Tensor,
        examples: Examples,
        shown: Shown | None,
    ) -> Tensor:
        """PRDL, px² of the crop, mean over the batch."""
        device = vertices.device
        projection = examples.projection.to(device)
        turned = _turned(projection, found)
        points = [projected(p, projection) for p in self.points.on(vertices).values()]
        kept = [
            shown.visible(*one) | ~turned[:, None] if shown is not None else None for one in points
        ]
        sets = [
            [
                places[row] if keep is None else places[row][keep[row]]
                for (places, _), keep in zip(points, kept, strict=True)
            ]
            for row in range(len(vertices))
        ]
        stride, sampler = self.config.anchor_stride, self.config.skin_sampler
        targets = [
            coarse_targets(parts.numpy(), stride, sampler).to(device) for parts in examples.parts
        ]
        return strided_loss(sets, targets, stride).mean()

    def _colours(
        self,
        network: Prdl,
        found: Coefficients,
        places: tuple[Tensor, Tensor],
        examples: Examples,
        shown: Shown,
        weights: Weights,
    ) -> dict[str, Tensor]:
        """Photometric loss and, of Deep3D, the light's and the texture's."""
        device = network.mean.device
        textures = network.textures(found)
        # Normals of the shape without pose, then turned with it.
        normals = vertex_normals(network.shape(found), self.face.faces.to(device))
        turned = posed(normals, found) - found.translation[:, None]
        colours = shaded(textures, turned, found.light)
        front = self.front.to(device)
        drawn, seen = rendered(colours, *places, front, shown)
        images = examples.pixels.to(device).float() / 255.0
        mask = (examples.parts.to(device) != Part.NONE)[seen]
        error = photometric_loss(drawn, images[seen], mask)
        return {
            "photometric_loss": weights.photometric * error,
            "light_loss": weights.light * light_loss(found.light),
            "reflectance_loss": weights.reflectance * reflectance_loss(textures, front),
        }

    def _regular(self, found: Coefficients, weights: Weights) -> Tensor:
        regular = (
            weights.identity * found.identity.square().sum(dim=1)
            + weights.expression * found.expression.square().sum(dim=1)
            + weights.texture * found.texture.square().sum(dim=1)
        )
        if self.config.camera == "crop":
            turn, shift = found.angles / TURN_SPREAD, found.translation / SHIFT_SPREAD
            pose = turn.square() + shift.square()
            regular = regular + weights.pose * pose.sum(dim=1)
        return regular.mean()


def landmark_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean weighted squared distance, px², of landmarks (B, 68, 2); NaN ones count nothing."""
    weights = torch.ones(found.shape[1], device=found.device)
    weights[_HEAVY_NOSE] = weights[IBUG_INNER_LIPS] = _HEAVY
    seen = wanted.isfinite().all(dim=2)
    distance = (found - torch.where(seen[..., None], wanted, found.detach())).square().sum(dim=2)
    return (weights * distance).mean()


def photometric_loss(drawn: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """Mean distance of colours (n, 3) in 0..1 where mask (n,) holds."""
    distance = ((drawn - wanted).square().sum(dim=1) + 1e-6).sqrt()
    return (distance * mask).sum() / mask.sum().clamp(min=1)


def light_loss(light: Tensor) -> Tensor:
    """Mean squared spread of light (B, 27) over red, green and blue."""
    bands = light.unflatten(1, (3, BANDS))
    return (bands - bands.mean(dim=1, keepdim=True)).square().mean()


def reflectance_loss(textures: Tensor, faces: Tensor) -> Tensor:
    """Mean squared spread of textures (B, V, 3) over the vertices of faces (f, 3)."""
    skin = textures[:, faces.unique()]
    return (skin - skin.mean(dim=1, keepdim=True)).square().mean()


def _turned(projection: Tensor, found: Coefficients) -> Tensor:
    """(B,) bool: faces that are turned by more than ``SELF_OCCLUSION_DEGREES``."""
    with torch.no_grad():
        forward = rotations(found.angles)[:, :, 2]
        # The third row of a camera is its direction of view.
        along = torch.nn.functional.normalize(projection[:, 2, :3], dim=1)
        return -(along * forward).sum(dim=1) < np.cos(np.radians(SELF_OCCLUSION_DEGREES))
