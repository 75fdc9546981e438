"""The losses: hand values, known light, and a planted bump; checklist 10 and 11."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from headwater.geometry.hierarchy import build_hierarchy
from headwater.networks.mesh_levels import MeshLevels, level_tables
from headwater.networks.shading import harmonics, vertex_normals
from headwater.systems.spiral_gcn.config import SIZES, FineWeights
from headwater.systems.spiral_gcn.losses import (
    coarse_loss,
    fine_losses,
    light_of,
    seen_at,
    shading,
    smoothed,
)
from headwater.systems.spiral_gcn.model import DetailNet
from headwater.systems.spiral_gcn.surface import mean_edge
from tests.geometry.toy_sheet import toy_sheet

LIGHT = torch.zeros(1, 9, 3)
LIGHT[0, 0], LIGHT[0, 1], LIGHT[0, 2], LIGHT[0, 3] = 0.7, 0.12, 0.1, -0.1


class Sheet:
    """A smooth sheet as a coarse mesh, canonical units, with its levels."""

    def __init__(self) -> None:
        points, faces, nose = toy_sheet(64, 40, roughness=0.0)
        hierarchy = build_hierarchy(points, faces, nose, 2, "sheet")
        self.levels = MeshLevels(level_tables(hierarchy, (19, 19, 19), (2, 2, 2)))
        self.rings = self.levels.spirals(0)[:, :7]
        self.points = torch.from_numpy(points)[None] / 100.0
        self.faces = torch.from_numpy(faces)
        self.edge = mean_edge(self.points[0], self.faces)
        self.border = torch.from_numpy(hierarchy.levels[0].rings.border)

    def normals(self, moved: Tensor | None = None) -> Tensor:
        points = self.points if moved is None else self.points + moved.transpose(0, 1)
        return vertex_normals(points, self.faces).transpose(0, 1)

    @property
    def weights(self) -> Tensor:
        return (~self.border).float()[:, None]


def test_coarse_loss_is_the_mean_difference_in_its_unit() -> None:
    found, truth = torch.tensor([[[1.0, 2.0, 3.0]]]), torch.tensor([[[1.5, 2.0, 1.0]]])
    assert float(coarse_loss(found, truth, 0.5)) == pytest.approx((0.5 + 0.0 + 2.0) / 3 / 0.5)


def test_light_is_found_again_on_a_known_surface() -> None:
    sheet = Sheet()
    basis = harmonics(sheet.normals())
    found = light_of(shading(basis, LIGHT), basis, sheet.weights)
    torch.testing.assert_close(shading(basis, found), shading(basis, LIGHT), atol=0.02, rtol=0)


def test_smoothing_leaves_what_is_smooth_and_averages_over_what_is_seen() -> None:
    rings = torch.tensor([[0, 1, 3], [1, 0, 2], [2, 1, 3]])
    values = torch.tensor([[1.0], [2.0], [30.0]])[..., None]
    seen = torch.tensor([[1.0], [1.0], [0.0]])
    torch.testing.assert_close(
        smoothed(values, seen, rings, 1).flatten(), torch.tensor([1.5, 1.5, 2.0])
    )
    constant = torch.ones(3, 1, 1)
    torch.testing.assert_close(smoothed(constant, seen, rings, 20), constant)


def test_the_true_surface_under_its_true_light_costs_nothing() -> None:
    sheet = Sheet()
    normals = sheet.normals()
    colours = shading(harmonics(normals), LIGHT)
    seen = seen_at(colours, sheet.weights, normals, sheet.rings, 20)
    still = torch.zeros(len(normals), 1, 3)
    losses = fine_losses(still, normals, seen, sheet.rings, sheet.edge, FineWeights())
    assert float(losses["colour_loss"]) < 0.01
    assert float(losses["edge_loss"]) < 0.01
    assert float(losses["size_loss"]) == float(losses["roughness_loss"]) == 0.0


def trained_detail(sheet: Sheet, colours: Tensor, steps: int) -> Tensor:
    """(s, 1, 3) the displacement that a detail network learns from one image's colours alone."""
    torch.manual_seed(0)
    network = DetailNet(2, 2, 19)
    normals = sheet.normals()
    seen = seen_at(colours, sheet.weights, normals, sheet.rings, 20)
    kept = sheet.levels.kept_0, sheet.levels.kept_1
    features = [torch.zeros(len(table), 1, 2) for table in kept]
    optimizer = torch.optim.Adam(network.parameters(), lr=SIZES["small"].detail_rate)
    inputs = torch.cat([normals, colours], dim=-1)
    for _ in range(steps):
        moved = network(inputs, *features, sheet.levels) * sheet.edge
        losses = fine_losses(
            moved, sheet.normals(moved), seen, sheet.rings, sheet.edge, FineWeights()
        )
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
    with torch.no_grad():
        learned: Tensor = network(inputs, *features, sheet.levels)
    return learned * sheet.edge


def test_a_constant_picture_pulls_nowhere() -> None:
    sheet = Sheet()
    normals = sheet.normals()
    flat = torch.full_like(normals, 0.5)
    seen = seen_at(flat, sheet.weights, normals, sheet.rings, 20)
    pulls = {}
    for name, colours in (("constant", seen), ("shaded", replace(seen, light=LIGHT))):
        moved = torch.zeros_like(normals, requires_grad=True)
        losses = fine_losses(
            moved, sheet.normals(moved), colours, sheet.rings, sheet.edge, FineWeights()
        )
        total = torch.stack(list(losses.values())).sum()
        pulls[name] = float(torch.autograd.grad(total, moved)[0].norm())
    assert pulls["constant"] < 0.02 * pulls["shaded"]


def test_the_detail_network_recovers_more_than_half_of_a_planted_bump() -> None:
    """By the error of normals, of which the picture tells; nothing true is learned from."""
    sheet = Sheet()
    smooth = sheet.normals()
    bumpy = sheet.normals(planted(sheet) * smooth)
    colours = shading(harmonics(bumpy), LIGHT)
    moved = trained_detail(sheet, colours, 60)
    inner = sheet.weights[:, 0] > 0
    before, after = (
        float((one - bumpy).norm(dim=-1)[inner].square().mean().sqrt())
        for one in (smooth, sheet.normals(moved))
    )
    assert after < 0.5 * before


def planted(sheet: Sheet) -> Tensor:
    """(s, 1, 1) heights, canonical units: wrinkles of some edges' width on the front."""
    x, y, z = sheet.points[0].T
    wave = torch.sin(y * (2 * np.pi / (5.0 * sheet.edge)))
    return (0.25 * sheet.edge * wave * (z > 0) * torch.exp(-(x**2) / 0.3))[:, None, None]
