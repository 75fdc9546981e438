"""The loss of PRDL, eq. 7: parts, landmarks, colours and the coefficients' prior."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from headwater.data.scenes import Template
from headwater.faces.vocabulary import FACE_PARTS, Part
from headwater.heads.contour import contour_chains, outermost
from headwater.heads.part_map import part_map
from headwater.networks.shading import BANDS, vertex_normals
from headwater.systems.prdl.anchors import coarse_targets, strided_loss
from headwater.systems.prdl.config import PUBLISHED_MM, PUBLISHED_PX, PrdlConfig, Weights
from headwater.systems.prdl.data import Examples
from headwater.systems.prdl.landmark_sets import LANDMARK_SETS, LandmarkSet
from headwater.systems.prdl.mask_cleanup import forehead_lines
from headwater.systems.prdl.model import (
    SHIFT_SPREAD,
    TURN_SPREAD,
    Coefficients,
    Prdl,
    combined,
    posed,
    projected,
    rotations,
)
from headwater.systems.prdl.part_points import PRDL_PARTS, part_points, triangle_parts
from headwater.systems.prdl.shading import shaded
from headwater.systems.prdl.visibility import Shown, rendered, shown_faces

_SKIN: Final = PRDL_PARTS.index(Part.SKIN)
# Faces turned further than this hide points that their image cannot show.
SELF_OCCLUSION_DEGREES: Final = 30.0


@dataclass(frozen=True)
class Face:
    """A head's topology, and where its landmarks, contour and parts lie.

    corners: (m, k) int64 and corner_weights: (m, k) of the landmarks. chains: (c, 32, 3) int64 and
    chain_weights: (c, 32, 3) of the points that the first c landmarks, the contour's, march along.
    faces: (F, 3) int64 of the whole surface; front: rows of those that bear a part.
    """

    template: Template
    corners: Tensor
    corner_weights: Tensor
    chains: Tensor
    chain_weights: Tensor
    faces: Tensor
    front: Tensor

    @staticmethod
    def of(template: Template, landmarks: LandmarkSet) -> "Face":
        """The face of a template, with the landmarks that the loss compares."""
        points = template.landmarks_478
        own = landmarks.marching
        parts = part_map(template.mean, template.faces, points)
        contour = contour_chains(template.mean, template.faces, template.surface, points)
        return Face(
            template,
            *landmarks.on(points),
            torch.from_numpy(contour.corners[own].astype(np.int64)),
            torch.from_numpy(contour.weights[own]),
            torch.from_numpy(template.faces.astype(np.int64)),
            torch.nonzero(triangle_parts(template, parts) != Part.NONE).flatten(),
        )

    def landmarks(self, vertices: Tensor) -> Tensor:
        """The landmarks (B, m, C) of values (B, V, C) of vertices."""
        at = vertices[:, self.corners.to(vertices.device)]
        return (at * self.corner_weights.to(vertices)[:, :, None]).sum(dim=2)

    def marched(self, vertices: Tensor, projection: Tensor) -> Tensor:
        """Pixels (B, c, 2) of the contour's landmarks where upright images show the face's edge.

        Which points these are is chosen on the vertices (B, V, 3), without a gradient.
        """
        at = vertices[:, self.chains.to(vertices.device)]
        points = (at * self.chain_weights.to(vertices)[..., None]).sum(dim=3)
        pixels, _ = projected(points.flatten(1, 2), projection)
        pixels = pixels.unflatten(1, points.shape[1:3])
        across = pixels[..., 0].detach().cpu().numpy()
        chosen = torch.from_numpy(outermost(across)).to(pixels.device)
        return pixels.gather(2, chosen[..., None, None].expand(-1, -1, 1, 2))[:, :, 0]


class Objective:
    """The losses of coefficients against examples, weighted as the config says."""

    def __init__(self, config: PrdlConfig, template: Template) -> None:
        self.config, self.face = config, Face.of(template, LANDMARK_SETS[config.landmark_set])
        pixel_mm = config.crop_mm / config.image_px
        self.points = part_points(template, pixel_mm, drawn_eyes=config.draws_parts)
        self.front = self.face.faces[self.face.front]
        # Squared pixels of a crop of another size than the published one count as there.
        spans = config.crop_mm / PUBLISHED_MM if config.camera == "crop" else 1.0
        self.scale = (spans * PUBLISHED_PX / config.image_px) ** 2

    def losses(
        self, network: Prdl, found: Coefficients, examples: Examples, weights: Weights
    ) -> dict[str, Tensor]:
        """Weighted losses by name; those of weight 0 are left out."""
        device = network.mean.device
        projection = examples.projection.to(device)
        losses = {"regular_loss": weights.regular * self._regular(found, weights)}
        if weights.landmarks:
            marks = self._landmarks(network, found, projection)
            error = landmark_loss(marks, examples.landmarks.to(device))
            losses["landmark_loss"] = weights.landmarks * self.scale * error
        if not weights.prdl and not weights.photometric:
            return losses
        vertices = posed(network.shape(found), found)
        pixels, depth = projected(vertices, projection)
        shown = None
        if weights.photometric or (weights.prdl and _turned(projection, found).any()):
            side = self.config.image_px
            shown = shown_faces(pixels, depth, self.front.to(device), side)
        if weights.prdl:
            error = self._prdl(found, vertices, examples, shown)
            losses["prdl_loss"] = weights.prdl * self.scale * error
        if weights.photometric and shown is not None:
            losses |= self._colours(network, found, (pixels, depth), examples, shown, weights)
        return losses

    def _landmarks(self, network: Prdl, found: Coefficients, projection: Tensor) -> Tensor:
        """Pixels (B, m, 2) of the landmarks."""
        # The bases of the landmarks' vertices alone are a fraction of all.
        bases = (network.mean[None], network.identity, network.expression)
        mean, identity, expression = (self.face.landmarks(one) for one in bases)
        shape = mean + combined(found.identity, identity) + combined(found.expression, expression)
        marks, _ = projected(posed(shape, found), projection)
        if not self.config.marching:
            return marks
        edge = self.face.marched(posed(network.shape(found), found), projection)
        return torch.cat([edge, marks[:, edge.shape[1] :]], dim=1)

    def _prdl(
        self,
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
        if self.config.cleans_parts:
            for own, parts in zip(sets, examples.parts, strict=True):
                own[_SKIN] = own[_SKIN][below_forehead(own[_SKIN], parts)]
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


def below_forehead(points: Tensor, parts: Tensor) -> Tensor:
    """Flags (n,) of the points (n, 2) px that do not lie above the brows of part ids (S, S).

    The skin of a parser's cleaned masks ends there, and so must the skin that it is compared with.
    """
    labels = parts.cpu().numpy()
    lines = forehead_lines({part: labels == part for part in FACE_PARTS})
    if lines is None:
        return torch.ones(len(points), dtype=torch.bool, device=points.device)
    above = lines.above(points.detach().cpu().double().numpy())
    return torch.from_numpy(~above).to(points.device)


def landmark_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean weighted squared distance, px², of landmarks (B, m, 2); NaN ones count nothing."""
    weights = LANDMARK_SETS[found.shape[1]].weights.to(found.device)
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
