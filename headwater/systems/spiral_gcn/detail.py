"""Image evidence at the vertices of coarse meshes, and the detail network's displacement."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from headwater.data.scenes import Template
from headwater.geometry.rasterise import rasterise
from headwater.heads.model import Surface as Material
from headwater.networks.pixel_aligned import project
from headwater.networks.shading import vertex_normals
from headwater.systems.spiral_gcn.model import Coarse, SpiralGcn, sampled
from headwater.systems.spiral_gcn.surface import Surface

# A vertex is hidden where it lies further behind the surface at its pixel, in canonical units (5
# mm); the slope of a face within a pixel gives less.
_HIDDEN: Final = 0.05


@dataclass(frozen=True)
class Look:
    """Coarse meshes with the colours, normals and features of their images at the vertices.

    vertices: (B, s, 3) in the network's axes, canonical units. places: (B, s, 2) px, depth: (B, s).
    normals, colours: (s, B, 3); colours in 0..1. half, quarter: features at vertices of levels 1
    and 2.
    """

    vertices: Tensor
    places: Tensor
    depth: Tensor
    normals: Tensor
    colours: Tensor
    half: Tensor
    quarter: Tensor


def look_at(
    network: SpiralGcn, coarse: Coarse, pixels: Tensor, projection: Tensor, faces: Tensor
) -> Look:
    """Coarse meshes of crops (B, S, S, 4) uint8 with cameras (B, 3, 4) of the network's axes."""
    side, levels = pixels.shape[1], network.levels
    found, depth = project(coarse.vertices, projection[:, None])
    places = found[:, 0]
    images = pixels[..., :3].movedim(-1, 1).float() / 255.0
    normals = vertex_normals(coarse.vertices, faces).transpose(0, 1)
    first = levels.pool(places.transpose(0, 1), 0)
    second = levels.pool(first, 1)
    return Look(
        coarse.vertices,
        places,
        depth[:, 0],
        normals,
        sampled(images, places, side),
        sampled(coarse.half, first.transpose(0, 1), side),
        sampled(coarse.quarter, second.transpose(0, 1), side),
    )


def displacement(network: SpiralGcn, look: Look, edge: float) -> Tensor:
    """Displacement (s, B, 3) by the detail network, canonical units; edge: mean edge length.

    Its mean over images is subtracted: the colours of lips and brows, misread as shape, are the
    same in all images.
    """
    seen = torch.cat([look.normals, look.colours], dim=-1)
    moved: Tensor = network.detail(seen, look.half, look.quarter, network.levels)
    return (moved - network.common) * edge


def visible(look: Look, faces: Tensor, side: int) -> Tensor:
    """(s, B) float32: 1 where the image of ``side`` px shows the vertex, else 0."""
    rows = []
    triangles = faces.cpu().numpy()
    both = look.places.detach().cpu().numpy(), look.depth.detach().cpu().numpy()
    for places, depth in zip(*both, strict=True):
        drawn = rasterise(places, depth, triangles, side, side)
        cell = np.clip(places, 0, side - 1).astype(np.int64)
        inside = ((places >= 0) & (places < side)).all(axis=1)
        rows.append(inside & (depth <= drawn.depth[cell[:, 1], cell[:, 0]] + _HIDDEN))
    return torch.from_numpy(np.stack(rows, axis=1)).float().to(look.depth.device)


def skin_of(template: Template, surface: Surface) -> Tensor:
    """(s, 1) float32: 1 at vertices of the surface that lie in skin alone, else 0."""
    others = template.faces[template.surface != Material.SKIN]
    skin = ~np.isin(surface.vertices.numpy(), others)
    return torch.from_numpy(skin).float()[:, None]
