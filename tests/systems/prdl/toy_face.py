"""A ball with a face that moves, and pictures of it: a face model that is fitted in seconds."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from headwater.data.canonical import canonical_projection, to_head_frame
from headwater.data.tables import template_of
from headwater.geometry.cameras import Camera, project
from headwater.heads.model import HeadModel
from headwater.heads.part_map import part_map
from headwater.metrics.part_iou import seen_parts
from headwater.systems.prdl.config import SIZES, PrdlConfig
from headwater.systems.prdl.data import Examples
from headwater.systems.prdl.landmark_sets import LANDMARK_SETS
from headwater.systems.prdl.model import Coefficients, Prdl, posed
from headwater.systems.prdl.morphable import Bases, shape_bases
from tests.rendering.heads import ball_head, front_camera

SIDE = 64
TOY: PrdlConfig = SIZES["smoke"].model_copy(
    update={"people": 24, "identities": 4, "expressions": 4, "textures": 2, "anchor_stride": 2}
)
# Places that expressions move, mm, and how far.
MOVES = {
    "jawOpen": ((0, -50, 85), (0, -26, 0), 16.0),
    "mouthLeft": ((0, -38, 92), (22, 0, 0), 16.0),
    "browInnerUp": ((0, 45, 89), (0, 16, 0), 24.0),
    "browOuterUpLeft": ((30, 45, 84), (0, 14, 0), 14.0),
}
SPREADS = {
    "nose": ((0, 2, 100), (0, 10, 24), 18.0),
    "chin": ((0, -70, 71), (0, -20, 0), 30.0),
    "cheek": ((45, 0, 89), (16, 0, 0), 30.0),
    "brow": ((0, 50, 86), (0, 14, 8), 30.0),
}


@lru_cache(maxsize=1)
def toy_model() -> HeadModel:
    """The ball head with four identities and four expressions."""
    ball = ball_head()
    return replace(
        ball,
        fingerprint="toy face",
        shape_names=tuple(SPREADS),
        shape_basis=_bumps(ball, SPREADS),
        expression_names=tuple(MOVES),
        expression_basis=_bumps(ball, MOVES),
    )


def _bumps(ball: HeadModel, moves: dict) -> np.ndarray:
    fields = []
    for centre, shift, reach in moves.values():
        squared = ((ball.mean - np.array(centre)) ** 2).sum(axis=1)
        fields.append(np.exp(-squared / (2 * reach**2))[:, None] * np.array(shift))
    return np.stack(fields).astype(np.float32)


@lru_cache(maxsize=1)
def toy_bases() -> Bases:
    model = toy_model()
    shapes = shape_bases(model, 4, 4, 24, 0)
    grey = torch.full_like(shapes[0], 0.8)
    return Bases(*shapes, grey, torch.zeros(2, *grey.shape))


def toy_network(config: PrdlConfig = TOY) -> Prdl:
    torch.manual_seed(0)
    return Prdl(config, toy_bases()).eval()


def toy_camera(yaw: float = 0.0) -> Camera:
    return front_camera(SIDE, yaw)


def toy_projection(yaw: float = 0.0) -> torch.Tensor:
    """(1, 3, 4), canonical units to px."""
    camera = toy_camera(yaw)
    origin = template_of(toy_model()).nose_bridge
    projection = canonical_projection(camera.K, camera.R, camera.t, origin)
    return torch.from_numpy(projection.astype(np.float32))[None]


def vertices_mm(network: Prdl, found: Coefficients) -> np.ndarray:
    """Posed vertices (V, 3) mm of one head."""
    with torch.no_grad():
        placed = posed(network.shape(found), found)[0].numpy()
    return to_head_frame(placed, template_of(toy_model()).nose_bridge)


def labels_of(network: Prdl, found: Coefficients, yaw: float = 0.0) -> np.ndarray:
    """Part labels (SIDE, SIDE) that the camera sees of one head."""
    model = toy_model()
    parts = part_map(model.mean, model.faces, model.landmarks_478)
    vertices = vertices_mm(network, found)
    return seen_parts(vertices, model.faces, model.surface, model.mean, parts, toy_camera(yaw))


def example_of(network: Prdl, found: Coefficients, yaw: float = 0.0) -> Examples:
    """The picture of one head: its parts in plain colours, and its exact landmarks."""
    labels = labels_of(network, found, yaw)
    template = template_of(toy_model())
    points, _ = project(toy_camera(yaw), template.landmarks_478.on(vertices_mm(network, found)))
    marks = LANDMARK_SETS[network.config.landmark_set].of(torch.from_numpy(points))
    colours = (40 + 20 * labels[..., None].repeat(3, axis=2)).astype(np.uint8)
    return Examples(
        torch.from_numpy(colours)[None],
        torch.from_numpy(labels)[None],
        marks.float()[None],
        toy_projection(yaw),
    )


def drawn_head(network: Prdl, seed: int) -> Coefficients:
    """A random head with an expression, a little turned and shifted."""
    generator = torch.Generator().manual_seed(seed)
    first = network.zeros(1)
    return first._replace(
        identity=torch.randn(first.identity.shape, generator=generator).clamp(-1.5, 1.5),
        expression=1.5 * torch.randn(first.expression.shape, generator=generator).clamp(-1.5, 1.5),
        angles=0.06 * torch.randn(1, 3, generator=generator),
        translation=0.05 * torch.randn(1, 3, generator=generator),
    )
