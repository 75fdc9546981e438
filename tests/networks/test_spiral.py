"""Spiral convolution beside a slow loop and the plain gather form, and the ways between levels."""

import numpy as np
import pytest
import torch
from torch import Tensor

from headwater.geometry.hierarchy import build_hierarchy
from headwater.networks.mesh_levels import MeshLevels, check_tables, level_tables
from headwater.networks.spiral import SpiralConv
from tests.geometry.toy_sheet import toy_sheet
from tests.networks.gather_spiral import gathered

V, L, B = 9, 5, 2


def example(inputs: int, outputs: int) -> tuple[SpiralConv, Tensor, Tensor]:
    torch.manual_seed(inputs)
    layer = SpiralConv(inputs, outputs, L).double()
    torch.nn.init.normal_(layer.bias)
    spirals = torch.randint(0, V + 1, (V, L))
    spirals[:, 0] = torch.arange(V)
    return layer, torch.randn(V, B, inputs, dtype=torch.float64, requires_grad=True), spirals


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 3), (3, 3), (2, 5)])
def test_a_layer_is_a_slow_loop_over_vertices_and_places(inputs: int, outputs: int) -> None:
    layer, values, spirals = example(inputs, outputs)
    found = layer(values, spirals)
    for vertex in range(V):
        for mesh in range(B):
            total = layer.bias.clone()
            for place in range(L):
                other = int(spirals[vertex, place])
                if other < V:
                    total = total + values[other, mesh] @ layer.weight[place]
            torch.testing.assert_close(found[vertex, mesh], total)


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 3), (2, 5)])
def test_gradients_are_those_of_differences_and_of_the_gather_form(
    inputs: int, outputs: int
) -> None:
    layer, values, spirals = example(inputs, outputs)
    pulled = torch.randn(V, B, outputs, dtype=torch.float64)
    learned = [values, layer.weight, layer.bias]
    own = torch.autograd.grad(layer(values, spirals), learned, pulled)
    plain = gathered(values.transpose(0, 1), spirals, layer.weight, layer.bias).transpose(0, 1)
    for one, other in zip(own, torch.autograd.grad(plain, learned, pulled), strict=True):
        torch.testing.assert_close(one, other)
    assert torch.autograd.gradcheck(
        lambda x, w: _with_weight(layer, x, spirals, w), (values, layer.weight)
    )


def _with_weight(layer: SpiralConv, values: Tensor, spirals: Tensor, weight: Tensor) -> Tensor:
    return torch.func.functional_call(layer, {"weight": weight}, (values, spirals))


def toy_levels() -> tuple[MeshLevels, tuple[int, ...], dict[str, Tensor]]:
    hierarchy = build_hierarchy(*toy_sheet(20, 12), 2, "sheet")
    tables = level_tables(hierarchy, (19, 19, 7), (2, 2, 1))
    return MeshLevels(tables), tuple(len(level.vertices) for level in hierarchy.levels), tables


def test_pooling_takes_kept_vertices_and_unpooling_brings_them_back() -> None:
    levels, sizes, _ = toy_levels()
    values = torch.randn(sizes[0], B, 3)
    coarse = levels.pool(values, 0)
    assert coarse.shape == (sizes[1], B, 3)
    torch.testing.assert_close(levels.pool(levels.unpool(coarse, 0), 0), coarse)
    one = torch.ones(sizes[2], 1, 1)
    torch.testing.assert_close(levels.unpool(one, 1), torch.ones(sizes[1], 1, 1))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("kept_0", lambda t: t + 10_000, "not there"),
        ("corners_1", lambda t: t - 1, "not there"),
        ("spirals_0", lambda t: t[:, :5], "another mesh"),
        ("weights_0", lambda t: t.double(), "another mesh"),
        ("weights_0", lambda t: t * np.nan, "not there"),
        ("kept_1", None, "incomplete"),
    ],
)
def test_tables_of_another_mesh_are_refused(name: str, change: object, words: str) -> None:
    _, sizes, tables = toy_levels()
    check_tables(tables, sizes, (19, 19, 7))
    changed = {key: value for key, value in tables.items() if key != name}
    if change is not None:
        changed[name] = change(tables[name])
    with pytest.raises(ValueError, match=words):
        check_tables(changed, sizes, (19, 19, 7))
