"""The network against the spec note's exact tests (section 7, numbers 1 to 6)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headwater.data.canonical import canonical_projection
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.fields import random_ball
from headwater.networks.vertex_descent.losses import clamped_l1
from headwater.systems.glvd.config import SIZES, GlvdConfig
from headwater.systems.glvd.data import ViewBatch
from headwater.systems.glvd.model import Glvd

SEEDS = st.integers(0, 2**32 - 1)


def network(config: GlvdConfig, vertices: int = 40, seed: int = 0) -> Glvd:
    torch.manual_seed(seed)
    template = torch.randn(vertices, 3)
    smoothing = torch.rand(vertices, config.anchors) if config.anchors else None
    net = Glvd(config, template, template[: config.keypoints], torch.randn(68, 3), smoothing)
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, 0.0, 0.05)
    return net.eval()


def view_batch(config: DescentConfig, heads: int, views: int, seed: int = 0) -> ViewBatch:
    rng = np.random.default_rng(seed)
    side = config.image_px
    projections = []
    for _ in range(heads * views):
        turn = np.diag([1.0, -1.0, -1.0]) @ Rotation.from_rotvec(rng.normal(0, 0.2, 3)).as_matrix()
        intrinsics = np.array([[2.5 * side, 0, side / 2], [0, 2.5 * side, side / 2], [0, 0, 1]])
        projections.append(
            canonical_projection(intrinsics, turn, np.array([0, 0, 900.0]), np.zeros(3))
        )
    generator = torch.Generator().manual_seed(seed)
    cameras = torch.tensor(np.array(projections), dtype=torch.float32).reshape(heads, views, 3, 4)
    return ViewBatch(
        torch.randn(heads, views, 4, side, side, generator=generator),
        side * torch.rand(heads, views, 68, 2, generator=generator),
        *(2 * [cameras]),
        torch.zeros(heads, views, dtype=torch.bool),
    )


def descend(net: Glvd, views: ViewBatch, iterations: int = 3) -> torch.Tensor:
    heads = len(views.images)
    generator = torch.Generator().manual_seed(7)
    keypoints = random_ball(len(net.keypoint_template), 0.42, generator).expand(heads, -1, -1)
    vertices = random_ball(len(net.template), 0.42, generator).expand(heads, -1, -1)
    with torch.no_grad():
        return net.descend(net.encode(views), vertices, keypoints, iterations).vertices[-1]


@pytest.mark.parametrize("fusion", ["features", "hidden"])
def test_a_field_at_a_point_is_the_step_from_there(fusion: str) -> None:
    """Full rows at every vertex's place hold the descent's own rows on their diagonal."""
    config = SIZES["smoke"].model_copy(update={"fusion": fusion})
    net = network(config)
    views = view_batch(config, heads=2, views=2)
    points = 0.5 * torch.randn(2, 40, 3)
    keypoints = 0.5 * torch.randn(2, 18, 3)
    every = torch.arange(40)
    with torch.no_grad():
        encoded = net.encode(views)
        vertices = net.vertex_field(encoded, keypoints)
        own, field = vertices.own(points), vertices.every(points)
        some = vertices.every(points, every[5:9])
        guides = net.keypoint_field(encoded)
        own_keypoints, keypoint_field = guides.own(keypoints), guides.every(keypoints)
    torch.testing.assert_close(field[:, every, every], own, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(some, field[:, :, 5:9], atol=1e-5, rtol=1e-5)
    one = torch.arange(18)
    torch.testing.assert_close(keypoint_field[:, one, one], own_keypoints, atol=1e-5, rtol=1e-5)


def test_one_view_is_fused_alike_either_way() -> None:
    config = SIZES["smoke"]
    views = view_batch(config, heads=1, views=1)
    points, keypoints = 0.1 * torch.randn(1, 40, 3), torch.randn(1, 18, 3)
    steps = []
    for fusion in ("features", "hidden"):
        net = network(config.model_copy(update={"fusion": fusion}))
        with torch.no_grad():
            steps.append(net.vertex_field(net.encode(views), keypoints).own(points))
    torch.testing.assert_close(steps[0], steps[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("fusion", ["features", "hidden"])
def test_view_order_and_doubled_views_change_nothing(fusion: str) -> None:
    config = SIZES["smoke"].model_copy(update={"fusion": fusion})
    net = network(config)
    views = view_batch(config, heads=1, views=3)
    expected = descend(net, views)
    for order in ([2, 0, 1], [0, 1, 2, 0, 1, 2]):
        other = ViewBatch(
            views.images[:, order],
            views.landmarks[:, order],
            views.projection[:, order],
            views.alone[:, order],
            views.estimated[:, order],
        )
        torch.testing.assert_close(descend(net, other), expected, atol=1e-5, rtol=1e-5)


def test_the_other_heads_of_a_batch_change_nothing() -> None:
    config = SIZES["smoke"]
    net = network(config)
    views = view_batch(config, heads=3, views=2)
    together = descend(net, views)
    for head in range(3):
        alone = ViewBatch(
            views.images[head : head + 1],
            views.landmarks[head : head + 1],
            views.projection[head : head + 1],
            views.alone[head : head + 1],
            views.estimated[head : head + 1],
        )
        torch.testing.assert_close(
            descend(net, alone), together[head : head + 1], atol=1e-5, rtol=1e-5
        )


def test_one_seed_gives_one_start_and_one_result() -> None:
    config = SIZES["smoke"]
    views = view_batch(config, heads=1, views=1)
    assert torch.equal(descend(network(config), views), descend(network(config), views))
    start = [random_ball(100, 0.42, torch.Generator().manual_seed(s)) for s in (3, 3, 4)]
    assert torch.equal(start[0], start[1])
    assert not torch.equal(start[0], start[2])
    radii = random_ball(20_000, 0.42, torch.Generator().manual_seed(0)).norm(dim=1)
    assert radii.max() <= 0.42 + 1e-6
    assert (radii < 0.42 / 2).float().mean() == pytest.approx(1 / 8, abs=0.01)


def test_the_keypoint_loss_trains_the_shared_encoder_but_not_the_heatmaps() -> None:
    config = SIZES["smoke"]
    net = network(config).train()
    views = view_batch(config, heads=2, views=1)
    landmarks = views.landmarks.clone().requires_grad_()
    target = torch.randn(2, config.keypoints, 3, requires_grad=True)
    points = torch.randn(2, config.keypoints, 3)
    encoded = net.encode(replace(views, landmarks=landmarks))
    step = net.keypoint_field(encoded).own(points)
    clamped_l1(step, points, target, config.clamp).backward()
    assert landmarks.grad is None
    assert target.grad is None
    assert sum(p.grad.abs().sum() for p in net.f_v.parameters() if p.grad is not None) > 0
    assert all(p.grad is None for p in net.g_v.parameters())
