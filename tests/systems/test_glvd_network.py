"""The network against the spec note's exact tests (section 7, numbers 1 to 6)."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headwater.descent.canonical import canonical_projection
from headwater.descent.config import SIZES, GlvdConfig, without_keypoints
from headwater.descent.decoder import StepDecoder
from headwater.descent.features import mean_over_views, pixel_aligned, project, sample
from headwater.descent.hourglass import StackedHourglass
from headwater.descent.landmark_encoder import LandmarkEncoder
from headwater.descent.losses import clamped_l1, oracle_path
from headwater.descent.model import Glvd, ViewBatch, heatmaps, random_ball, starting_points
from tests.systems.slow_descent import slow_descent

SEEDS = st.integers(0, 2**32 - 1)
LVD = without_keypoints(SIZES["paper"])


def network(config: GlvdConfig, vertices: int = 40, seed: int = 0) -> Glvd:
    torch.manual_seed(seed)
    template = torch.randn(vertices, 3)
    smoothing = torch.rand(vertices, config.anchors) if config.anchors else None
    net = Glvd(config, template, template[: config.keypoints], torch.randn(68, 3), smoothing)
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, 0.0, 0.05)
    return net.eval()


def view_batch(config: GlvdConfig, heads: int, views: int, seed: int = 0) -> ViewBatch:
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
    return ViewBatch(
        torch.randn(heads, views, 4, side, side, generator=generator),
        side * torch.rand(heads, views, 68, 2, generator=generator),
        torch.tensor(np.array(projections), dtype=torch.float32).reshape(heads, views, 3, 4),
    )


def descend(net: Glvd, views: ViewBatch, iterations: int = 3) -> torch.Tensor:
    heads = len(views.images)
    generator = torch.Generator().manual_seed(7)
    keypoints = random_ball(len(net.keypoint_template), 0.42, generator).expand(heads, -1, -1)
    vertices = random_ball(len(net.template), 0.42, generator).expand(heads, -1, -1)
    with torch.no_grad():
        return net.descend(net.encode(views), vertices, keypoints, iterations).vertices[-1]


def test_a_perfect_field_arrives_after_the_steps_that_the_clamp_allows() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(1, 500, 3, generator=generator)
    start = random_ball(500, 0.42, generator)[None]
    clamp = 0.15
    steps = int(torch.ceil((target - start).abs().max() / clamp))
    vertices, errors = start, []
    for done in range(steps):
        torch.testing.assert_close(
            vertices, oracle_path(start, target, torch.full((1, 1, 1), float(done)), clamp)
        )
        errors.append((target - vertices).norm(dim=-1).mean())
        vertices = vertices + (target - vertices).clamp(-clamp, clamp)
    assert all(b < a for a, b in pairwise(errors))
    torch.testing.assert_close(vertices, target, atol=1e-6, rtol=0)
    assert clamped_l1((target - start).clamp(-clamp, clamp), start, target, clamp) == 0


def test_without_keypoints_at_full_size_it_is_lvd() -> None:
    net = Glvd(LVD, torch.zeros(6890, 3), torch.zeros(0, 3), torch.zeros(68, 3))
    assert sum(p.numel() for p in net.parameters()) == 25_838_396
    assert sum(p.numel() for p in net.f_v.parameters()) == 14_424_000
    with torch.no_grad():
        maps = net.f_v(torch.zeros(1, 4, 256, 256))
    assert [tuple(m.shape) for m in maps] == [(1, 256, 128, 128)] * 4


def test_the_descent_gives_the_numbers_of_lvds_own_way_of_computing() -> None:
    config = without_keypoints(SIZES["smoke"]).model_copy(
        update={"stacks": 4, "anchors": 0, "template_prior": False}
    )
    net = network(config, vertices=300)
    views = view_batch(config, heads=1, views=1)
    start = random_ball(300, 0.42, torch.Generator().manual_seed(0))[None]
    with torch.no_grad():
        encoded = net.encode(views)
        ours = net.descend(encoded, start, torch.zeros(1, 0, 3), 10).vertices[-1]
        slow = slow_descent(net, encoded, start, 10)
    assert (ours - start).norm(dim=-1).max() > 0.05
    torch.testing.assert_close(ours, slow, atol=1e-4, rtol=0)


@pytest.mark.parametrize("anchors", [0, 5])
def test_own_rows_are_the_diagonal_of_the_full_output(anchors: int) -> None:
    torch.manual_seed(1)
    decoder = StepDecoder(9, 16, 12, torch.rand(12, anchors) if anchors else None)
    if anchors:
        torch.nn.init.normal_(decoder.shared)
        torch.nn.init.normal_(decoder.last.weight)
    x = torch.randn(2, 12, 9)
    full = decoder.full(decoder.features(x), decoder.rows())
    diagonal = torch.stack([full[:, i, i] for i in range(12)], dim=1)
    own = decoder.own_rows(decoder.features(x), decoder.rows())
    torch.testing.assert_close(own, diagonal, atol=1e-6, rtol=1e-6)
    chosen = torch.tensor([7, 2, 2])
    some = decoder.own_rows(decoder.features(x[:, chosen]), decoder.rows(chosen))
    torch.testing.assert_close(some, diagonal[:, chosen], atol=1e-6, rtol=1e-6)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_a_coordinate_ramp_is_sampled_at_the_projected_pixel(seed: int) -> None:
    """Compared with the camera's own formula, point by point; y goes down."""
    rng = np.random.default_rng(seed)
    side, cells = 64, 32
    centres = (torch.arange(cells) + 0.5) * (side / cells)
    v, u = torch.meshgrid(centres, centres, indexing="ij")
    maps = torch.stack([u, v])[None, None]
    turn = np.diag([1.0, -1.0, -1.0]) @ Rotation.from_rotvec(rng.normal(0, 0.3, 3)).as_matrix()
    shift = np.array([rng.normal(0, 5), rng.normal(0, 5), rng.uniform(500, 900)])
    intrinsics = np.array([[100.0, 0, 31.0], [0, 110.0, 33.0], [0, 0, 1]])
    origin = rng.normal(0, 20, 3)
    points = rng.uniform(-1, 1, (30, 3))
    projection = torch.tensor(canonical_projection(intrinsics, turn, shift, origin)).float()
    pixels, depth = project(torch.tensor(points).float()[None], projection[None, None])
    features, valid = sample(maps, pixels, depth, side)
    for point, pixel, feature, seen in zip(
        points, pixels[0, 0], features[0, 0], valid[0, 0], strict=True
    ):
        camera = turn @ (100.0 * point + origin) + shift
        expected = (intrinsics @ camera)[:2] / camera[2]
        np.testing.assert_allclose(pixel, expected, atol=1e-3)
        inside = bool(((expected > 1) & (expected < side - 1)).all())
        if inside:
            assert seen
            np.testing.assert_allclose(feature, expected, atol=1e-3)


def test_views_that_do_not_see_a_point_are_left_out() -> None:
    maps = torch.ones(1, 3, 1, 8, 8) * torch.tensor([1.0, 2.0, 5.0])[None, :, None, None, None]
    front = torch.tensor([[20.0, 0, 8, 0], [0, 20.0, 8, 0], [0, 0, 1, 2.0]])
    front[:2, 3] = front[:2, 2] * 2
    off_image = front.clone()
    off_image[0] += 100 * off_image[2]
    behind = torch.cat([front[:, :3], front[:, 3:] - 4 * torch.tensor([[8.0], [8.0], [1.0]])], 1)
    point = torch.zeros(1, 1, 3)
    both = pixel_aligned(maps, point, torch.stack([front, front, off_image])[None], 16)
    torch.testing.assert_close(both, torch.full((1, 1, 1), 1.5))
    one = pixel_aligned(maps, point, torch.stack([front, behind, behind])[None], 16)
    torch.testing.assert_close(one, torch.ones(1, 1, 1))
    none = pixel_aligned(maps, point, torch.stack([off_image, behind, behind])[None], 16)
    torch.testing.assert_close(none, torch.zeros(1, 1, 1))


def test_the_mean_over_views_is_a_plain_mean_where_all_see() -> None:
    features = torch.randn(2, 3, 5, 4)
    seen = torch.ones(2, 3, 5, dtype=torch.bool)
    torch.testing.assert_close(mean_over_views(features, seen), features.mean(dim=1))


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
        own = net.vertex_step(encoded, points, keypoints)
        field = net.vertex_field(encoded, points, keypoints, every)
        own_keypoints = net.keypoint_step(encoded, keypoints)
        keypoint_field = net.keypoint_field(encoded, keypoints)
    torch.testing.assert_close(field[:, every, every], own, atol=1e-5, rtol=1e-5)
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
            steps.append(net.vertex_step(net.encode(views), points, keypoints))
    torch.testing.assert_close(steps[0], steps[1], atol=1e-5, rtol=1e-5)


def test_descents_start_where_the_config_says() -> None:
    template = torch.randn(50, 3)
    starts = {
        start: starting_points(
            template,
            SIZES["smoke"].model_copy(update={"start": start}),
            torch.Generator().manual_seed(0),
        )
        for start in ("ball", "zero", "template")
    }
    assert starts["zero"].abs().max() == 0
    assert torch.equal(starts["template"], template)
    assert starts["ball"].shape == (50, 3)
    assert 0 < starts["ball"].norm(dim=1).max() <= 0.42 + 1e-6


@pytest.mark.parametrize("fusion", ["features", "hidden"])
def test_view_order_and_doubled_views_change_nothing(fusion: str) -> None:
    config = SIZES["smoke"].model_copy(update={"fusion": fusion})
    net = network(config)
    views = view_batch(config, heads=1, views=3)
    expected = descend(net, views)
    for order in ([2, 0, 1], [0, 1, 2, 0, 1, 2]):
        other = ViewBatch(
            views.images[:, order], views.landmarks[:, order], views.projection[:, order]
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
    encoded = net.encode(ViewBatch(views.images, landmarks, views.projection))
    clamped_l1(net.keypoint_step(encoded, points), points, target, net.clamp).backward()
    assert landmarks.grad is None
    assert target.grad is None
    assert sum(p.grad.abs().sum() for p in net.f_v.parameters() if p.grad is not None) > 0
    assert all(p.grad is None for p in net.g_v.parameters())


def test_the_vertex_decoder_has_the_gradient_that_differences_show() -> None:
    torch.manual_seed(0)
    decoder = StepDecoder(5, 8, 4, torch.rand(4, 3)).double()
    torch.nn.init.normal_(decoder.shared)
    torch.nn.init.normal_(decoder.last.weight)
    x = torch.randn(1, 4, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda y: decoder.own_rows(decoder.features(y), decoder.rows()), (x,)
    )


def test_heatmaps_peak_at_their_landmarks_and_are_empty_without() -> None:
    landmarks = torch.full((1, 68, 2), float("nan"))
    landmarks[0, 3] = torch.tensor([21.0, 9.0])
    maps = heatmaps(landmarks, image_px=64, side=32, sigma_cells=1.0)
    assert maps[0, 3].flatten().argmax() == (9 // 2) * 32 + 21 // 2
    assert maps[0, [i for i in range(68) if i != 3]].abs().max() == 0
    assert maps[0, 3, 4, 10] == pytest.approx(1.0)


def landmark_encoder(template: torch.Tensor) -> LandmarkEncoder:
    """One for crops of 64 px with 5 features and 7 points."""
    return LandmarkEncoder(template, image_px=64, outputs=5, points=7)


def test_landmarks_reach_the_decoders_by_how_they_differ_from_the_mean_heads() -> None:
    torch.manual_seed(0)
    template = 0.3 * torch.randn(68, 3)
    encoder = landmark_encoder(template)
    views = view_batch(SIZES["smoke"], heads=2, views=3)
    usual, _ = project(template.expand(2, -1, -1), views.projection)

    def features(landmarks: torch.Tensor, projection: torch.Tensor) -> torch.Tensor:
        return encoder(landmarks, projection).features

    as_mean = features(usual, views.projection)
    assert (as_mean - features(usual + 2.0, views.projection)).abs().max() > 1e-2
    nothing = torch.full_like(usual, float("nan"))
    elsewhere = usual + 20.0
    for landmarks in (nothing, elsewhere):
        assert features(landmarks, views.projection).abs().max() == 0
    first = torch.tensor([True, False, False])[None, :, None, None]
    alone = features(usual[:, :1], views.projection[:, :1])
    for others in (nothing, elsewhere):
        one_seen = torch.where(first, usual, others)
        torch.testing.assert_close(features(one_seen, views.projection), alone)


def test_the_landmark_regression_finds_what_depends_on_them_linearly() -> None:
    """Heads that differ in one way, which moves the landmarks: new ones are told exactly."""
    torch.manual_seed(0)
    template, way = 0.3 * torch.randn(68, 3), 0.02 * torch.randn(68, 3)
    encoder = landmark_encoder(template)
    views = view_batch(SIZES["smoke"], heads=1, views=1)
    amounts = torch.linspace(-1.0, 1.0, 40)
    moved = (template + amounts[:, None, None] * way).flatten(0, 1)[None]
    seen, _ = project(moved, views.projection)
    landmarks = seen[0, 0].unflatten(0, (40, 68))
    cameras = views.projection[0].expand(40, -1, -1)
    points = torch.randn(7, 3) + amounts[:, None, None] * torch.randn(7, 3)
    known = torch.arange(0, 40, 2)
    encoder.fit(landmarks[known], cameras[known], known, points)
    found = encoder(landmarks[1::2, None], cameras[1::2, None]).differences
    torch.testing.assert_close(found, points[1::2] - points[known].mean(dim=0), atol=0.02, rtol=0)
    assert all(not part.requires_grad for part in (encoder.weight, encoder.bias, encoder.basis))


def test_an_encoder_refuses_no_size_that_its_strides_divide() -> None:
    encoder = StackedHourglass(
        4, width=16, outputs=8, stacks=2, depth=2, stride=4, upsampling="bilinear"
    )
    assert [tuple(m.shape) for m in encoder(torch.zeros(2, 4, 64, 64))] == [(2, 8, 16, 16)] * 2


def test_rigidly_moving_the_world_changes_nothing_canonical() -> None:
    """Test 7: cameras are relative to the head, so moving both leaves the projection as it was."""
    rng = np.random.default_rng(0)
    rotation = np.diag([1.0, -1.0, -1.0])
    translation, origin = np.array([3.0, 4.0, 800.0]), np.array([0.0, 30.0, 95.0])
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(0, 100, 3)
    moved_rotation = rotation @ turn.T
    moved_translation = translation - moved_rotation @ shift
    point = np.array([0.2, -0.4, 0.3])
    world = turn @ (100 * point + origin) + shift
    here = canonical_projection(np.eye(3), rotation, translation, origin) @ [*point, 1.0]
    np.testing.assert_allclose((moved_rotation @ world + moved_translation) / 100, here, atol=1e-9)
