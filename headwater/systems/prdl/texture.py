"""A texture basis of the training frames, for head models without an albedo basis.

The colours that frames show at the vertices of the mean face, each frame's divided by its own
brightness. Light that all frames share stays in them: this is a texture under the usual light
rather than an albedo.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from headwater.data.mirror import Mirror, mirror_of
from headwater.data.scenes import Template
from headwater.faces.vocabulary import Part
from headwater.geometry.rasterise import rasterise
from headwater.networks.shading import harmonics
from headwater.systems.prdl.data import Examples
from headwater.systems.prdl.model import projected
from headwater.systems.prdl.morphable import principal_components
from headwater.systems.prdl.shading import FIRST_LIGHT

MOST_FRAMES: Final = 300
_GREY: Final = 0.5


def texture_bases(
    examples: Examples, mean: Tensor, template: Template, count: int
) -> tuple[Tensor, Tensor]:
    """Mean (V, 3) and basis (A, V, 3) of textures, display RGB before light.

    mean: (V, 3), the mean face, canonical. Of at most ``MOST_FRAMES`` examples, evenly chosen. A
    vertex that a frame does not show has the colour of its mirror image there, else the mean one.
    """
    rows = torch.linspace(0, len(examples) - 1, min(len(examples), MOST_FRAMES)).round().long()
    chosen = examples.choose(rows.unique())
    colours, seen = _seen_colours(chosen, mean, template)
    mirror = mirror_of(template)
    if mirror is not None:
        colours, seen = _with_mirrored(colours, seen, mirror)
    weights = seen[..., None].double()
    brightness = (colours * weights).sum(dim=(1, 2)) / (3 * weights.sum(dim=(1, 2))).clamp(min=1.0)
    usual = brightness[brightness > 0].median() if (brightness > 0).any() else torch.tensor(_GREY)
    level = colours * (usual / brightness.clamp(min=1e-3))[:, None, None]
    shown = weights.sum(dim=0)
    average = (level * weights).sum(dim=0) / shown.clamp(min=1.0)
    skin = (average * (shown > 0)).sum(dim=0) / (shown > 0).sum().clamp(min=1)
    average = torch.where(shown > 0, average, skin)
    # What a white surface shows in the first light, by which the light is taken out again.
    first = FIRST_LIGHT * float(harmonics(torch.tensor([0.0, 0.0, 1.0]))[0])
    spread = ((level - average) * weights / first).flatten(1)
    basis = principal_components(spread, count).unflatten(1, average.shape)
    return (average / first).float(), basis


def _seen_colours(examples: Examples, mean: Tensor, template: Template) -> tuple[Tensor, Tensor]:
    """Colours (n, V, 3) float64 in 0..1 at the vertices of the mean face, and which are seen."""
    side = examples.pixels.shape[1]
    points, depth = projected(mean.expand(len(examples), -1, -1), examples.projection)
    grid = (points * (2.0 / side) - 1.0)[:, None]
    images = examples.pixels.movedim(-1, 1).float() / 255.0
    colours = functional.grid_sample(images, grid, align_corners=False)[:, :, 0].transpose(1, 2)
    seen = torch.zeros(len(examples), len(mean), dtype=torch.bool)
    for row in range(len(examples)):
        shown = rasterise(points[row].numpy(), depth[row].numpy(), template.faces, side, side)
        on_face = (examples.parts[row].numpy() != Part.NONE) & (shown.triangle >= 0)
        seen[row, np.unique(template.faces[shown.triangle[on_face]])] = True
    return colours.double(), seen


def _with_mirrored(colours: Tensor, seen: Tensor, mirror: Mirror) -> tuple[Tensor, Tensor]:
    other, there = colours[:, mirror.vertices], seen[:, mirror.vertices]
    filled = torch.where(seen[..., None], colours, other)
    return filled, seen | there
