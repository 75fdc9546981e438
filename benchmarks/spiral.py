"""Spirals at the published size: levels of a mesh, convolution, and images to meshes."""

import time
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from benchmarks.outcome import Figure, Outcome
from benchmarks.timing import Spread, digits, ratio, take_turns
from headwater.geometry.decimation import decimate
from headwater.geometry.hierarchy import FACTOR, Hierarchy, build_hierarchy, up_operator
from headwater.geometry.spirals import spirals
from headwater.networks.mesh_levels import level_tables
from headwater.networks.spiral import SpiralConv
from headwater.systems.spiral_gcn.config import SIZES, SpiralConfig
from headwater.systems.spiral_gcn.detail import displacement, look_at
from headwater.systems.spiral_gcn.model import SpiralGcn
from headwater.systems.spiral_gcn.surface import LEVELS, Surface, lengths_of
from tests.geometry.slow_surface import slow_decimation
from tests.geometry.toy_sheet import PUBLISHED, toy_sheet
from tests.networks.gather_spiral import gathered

ROUNDS: Final = 3
GOAL: Final = 2.0
GOAL_DECIMATION_S, GOAL_UP_S, GOAL_SPIRALS_S = 5.0, 0.2, 2.0
# Channels in and out, and level, of the decoder's layers that cost the most.
LAYERS: Final = ((32, 16, 1), (16, 8, 0), (8, 3, 0))
SCALED: Final = (20, 12)
TOLERANCE: Final = 1e-4


def measure() -> Outcome:
    """Build the levels, compare the convolution's two forms, and time both encoders."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        points, faces, nose = toy_sheet(*PUBLISHED)
        hierarchy = build_hierarchy(points, faces, nose, LEVELS, "sheet")
        parts = {name: _rounds(work) for name, work in _parts(hierarchy).items()}
        scaled = take_turns(_scaled(), ROUNDS)
        found = spirals(points, hierarchy.levels[0].rings, hierarchy.levels[0].reference, 19)
        tables = [torch.from_numpy(found)]
        level = hierarchy.levels[1]
        tables.append(torch.from_numpy(spirals(level.vertices, level.rings, level.reference, 19)))
        rates = take_turns(_convolutions(tables), ROUNDS)
        images = take_turns(_systems(hierarchy), ROUNDS)
    finally:
        torch.set_num_threads(threads)
    resnet, mobile = images["ResNet-50"], images["MobileNetV2"]
    sizes = {name: _megabytes(hierarchy, config) for name, config in _configs().items()}
    return Outcome(
        "spirals",
        (
            Figure("edge collapse, five levels", "s", parts["collapse"], GOAL_DECIMATION_S, True),
            Figure("ways up, five levels", "s", parts["up"], GOAL_UP_S, True),
            Figure("spirals, six levels", "s", parts["spirals"], GOAL_SPIRALS_S, True),
            Figure(
                "edge collapse of 240 vertices, ours to a search over all edges",
                "times",
                ratio(scaled["heap"], scaled["search"]),
            ),
            *(Figure(f"convolution, {name}", "per second", rate) for name, rate in rates.items()),
            Figure(
                "convolution, ours to gather",
                "times",
                ratio(rates["ours"], rates["gather"]),
                GOAL,
            ),
            Figure("an image, ResNet-50", "per second", resnet),
            Figure("an image, MobileNetV2", "per second", mobile),
            Figure("an image, MobileNetV2 to ResNet-50", "times", ratio(mobile, resnet)),
            *(Figure(f"weights, {name}", "MB", Spread((size,))) for name, size in sizes.items()),
        ),
        {
            "mesh": f"{len(points)} vertices, two open borders",
            "convolution": "forward and backward of the decoder's three costliest layers, batch 1",
            "gather": "all entries of all spirals side by side, then one product, by autograd",
            "an image": "256 px, encoder, decoder and detail network, batch 1",
            "weights": "four bytes each, without tables of spirals and levels",
            "cores": "all with one thread",
        },
    )


def _rounds(work: Callable[[], object]) -> Spread:
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return Spread(tuple(seconds))


def _parts(hierarchy: Hierarchy) -> dict[str, Callable[[], object]]:
    """The three parts of a build, each for all levels."""
    levels = hierarchy.levels
    pairs = list(zip(levels, levels[1:], hierarchy.kept, strict=False))
    return {
        "collapse": lambda: [
            decimate(fine.vertices, fine.faces, -(-len(fine.vertices) // FACTOR))
            for fine, _, _ in pairs
        ],
        "up": lambda: [
            up_operator(fine.vertices, coarse.vertices, coarse.faces, kept)
            for fine, coarse, kept in pairs
        ],
        "spirals": lambda: [
            spirals(level.vertices, level.rings, level.reference, 19) for level in levels
        ],
    }


def _scaled() -> dict[str, Callable[[], int]]:
    points, faces, _ = toy_sheet(*SCALED)
    target = len(points) - 20
    return {
        "heap": lambda: len(decimate(points, faces, target).kept),
        "search": lambda: len(slow_decimation(points, faces, target)[0]),
    }


def _convolutions(tables: list[Tensor]) -> dict[str, Callable[[], int]]:
    """Both forms of the layers, forward and backward. Raises AssertionError where they differ."""
    torch.manual_seed(0)
    layers = [(SpiralConv(i, o, 19), tables[level]) for i, o, level in LAYERS]
    inputs = [torch.randn(len(t), 1, i) for (_, t), (i, _, _) in zip(layers, LAYERS, strict=True)]

    def ours() -> list[Tensor]:
        return [
            _pulled(layer(values.requires_grad_(), table), layer, values)
            for (layer, table), values in zip(layers, inputs, strict=True)
        ]

    def plain() -> list[Tensor]:
        found = []
        for (layer, table), values in zip(layers, inputs, strict=True):
            flat = values.detach().transpose(0, 1).contiguous().requires_grad_()
            made = gathered(flat, table, layer.weight, layer.bias)
            found.append(_pulled(made, layer, flat).transpose(0, 1))
        return found

    for one, other in zip(ours(), plain(), strict=True):
        if (one - other).norm() > TOLERANCE * other.norm():
            raise AssertionError("the gradients of the two forms differ")
    return {"ours": lambda: len(ours()), "gather": lambda: len(plain())}


def _pulled(made: Tensor, layer: SpiralConv, values: Tensor) -> Tensor:
    """The gradient of values; that of the weights is taken, too."""
    return torch.autograd.grad(made.square().sum(), [values, *layer.parameters()])[0]


def _configs() -> dict[str, SpiralConfig]:
    paper = SIZES["paper"]
    return {
        "ResNet-50": paper,
        "MobileNetV2": paper.model_copy(update={"encoder": "mobilenet"}),
    }


def _network(hierarchy: Hierarchy, config: SpiralConfig) -> tuple[SpiralGcn, Surface]:
    sizes = tuple(len(level.vertices) for level in hierarchy.levels)
    hops = (2, 2, 2, 1, 1, 1)
    tables = level_tables(hierarchy, lengths_of(config, len(sizes)), hops)
    finest = hierarchy.levels[0]
    number = torch.arange(sizes[0])
    whole = number[:, None].expand(-1, 3)
    surface = Surface(
        number, torch.from_numpy(finest.faces), sizes, tables, whole, torch.zeros(sizes[0], 3)
    )
    torch.manual_seed(0)
    mean = torch.from_numpy(finest.vertices) / 100.0
    return SpiralGcn(config, surface, mean).eval(), surface


def _systems(hierarchy: Hierarchy) -> dict[str, Callable[[], int]]:
    return {name: _answering(*_network(hierarchy, config)) for name, config in _configs().items()}


def _answering(network: SpiralGcn, surface: Surface) -> Callable[[], int]:
    side = network.config.image_px
    pixels = torch.randint(0, 256, (1, side, side, 4), dtype=torch.uint8)
    images = torch.randn(1, 3, side, side)
    projection = torch.tensor([[[400.0, 0, -128, 1024], [0, -400.0, -128, 1024], [0, 0, -1.0, 8]]])

    def once() -> int:
        with torch.no_grad():
            coarse = network(images)
            look = look_at(network, coarse, pixels, projection, surface.faces)
            displacement(network, look, 0.02)
        return 1

    return once


def _megabytes(hierarchy: Hierarchy, config: SpiralConfig) -> float:
    network, _ = _network(hierarchy, config)
    return digits(sum(4 * one.numel() for one in network.parameters()) / 1e6)
