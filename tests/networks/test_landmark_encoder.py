"""The landmark encoder: its features, its fit, and views without a face."""

import numpy as np
import pytest
import torch

from headwater.geometry.cameras import look_at
from headwater.networks.fold_regressions import ridge
from headwater.networks.landmark_encoder import LandmarkEncoder, LandmarkViews, errors_by_pose
from headwater.networks.pixel_aligned import project
from headwater.systems.glvd.config import SIZES
from tests.systems.glvd.test_model import view_batch


def given(projection: torch.Tensor) -> torch.Tensor:
    """Of cameras (..., 3, 4) that none is estimated."""
    return torch.zeros(projection.shape[:-2], dtype=torch.bool)


def exact(landmarks: torch.Tensor, cameras: torch.Tensor, head: torch.Tensor) -> LandmarkViews:
    """Views of heads, each of a person of its own, with given cameras."""
    return LandmarkViews(landmarks, cameras, given(cameras), head, head)


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
        return encoder(landmarks, projection, given(projection)).features

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


def test_landmarks_that_are_not_seen_say_as_much_as_the_mean_heads() -> None:
    torch.manual_seed(0)
    template = 0.3 * torch.randn(68, 3)
    encoder = landmark_encoder(template)
    views = view_batch(SIZES["smoke"], heads=2, views=3)
    usual, _ = project(template.expand(2, -1, -1), views.projection)
    moved = usual + 2.0
    unseen = torch.arange(68)[:, None] >= 48

    def features(of_unseen: torch.Tensor) -> torch.Tensor:
        landmarks = torch.where(unseen, of_unseen, moved)
        return encoder(landmarks, views.projection, given(views.projection)).features

    nothing = features(torch.full_like(usual, float("nan")))
    torch.testing.assert_close(nothing, features(usual))
    assert (nothing - features(moved)).abs().max() > 1e-3


def test_a_view_is_told_by_the_localiser_where_the_detector_took_something_else() -> None:
    """Nothing detected, or something elsewhere: as if all landmarks lay as usual, and the reverse.

    Neither does a view in which both failed count.
    """
    torch.manual_seed(0)
    template = 0.3 * torch.randn(68 + 20, 3)
    encoder = landmark_encoder(template)
    views = view_batch(SIZES["smoke"], heads=2, views=2)
    usual, _ = project(template.expand(2, -1, -1), views.projection)
    moved = usual + 1.5

    def features(detected: torch.Tensor, localised: torch.Tensor) -> torch.Tensor:
        landmarks = torch.cat([detected[:, :, :68], localised[:, :, 68:]], dim=2)
        return encoder(landmarks, views.projection, given(views.projection)).features

    nothing, elsewhere = torch.full_like(usual, float("nan")), usual + 20.0
    for failed in (nothing, elsewhere):
        torch.testing.assert_close(features(failed, moved), features(usual, moved))
        torch.testing.assert_close(features(moved, failed), features(moved, usual))
        assert features(failed, failed).abs().max() == 0
    assert (features(usual, moved) - features(usual, usual)).abs().max() > 1e-2
    assert (features(moved, usual) - features(usual, usual)).abs().max() > 1e-2


def test_what_one_source_tells_alone_is_a_regression_of_its_own() -> None:
    """A detector that is 2 px off to the right, the same everywhere, beside an exact localiser.

    Without it the localiser tells as much as one that was fitted alone, and the reverse; as if the
    detector's landmarks lay where the mean head's do, the joint regression would be far off.
    """
    torch.manual_seed(0)
    template, way = 0.3 * torch.randn(68, 3), 0.02 * torch.randn(68, 3)
    views = view_batch(SIZES["smoke"], heads=1, views=1)
    amounts = torch.linspace(-1.0, 1.0, 40)
    moved = (template + amounts[:, None, None] * way).flatten(0, 1)[None]
    seen, _ = project(moved, views.projection)
    true = seen[0, 0].unflatten(0, (40, 68))
    detected = true + torch.tensor([2.0, 0.0]) + 0.02 * torch.randn(40, 68, 2)
    localised = true + 0.02 * torch.randn(40, 68, 2)
    cameras = views.projection[0].expand(40, -1, -1)
    targets = torch.randn(7, 3) + amounts[:, None, None] * torch.randn(7, 3)
    person, nothing = torch.arange(40), torch.full_like(true, float("nan"))
    both, alone = landmark_encoder(template.repeat(2, 1)), landmark_encoder(template)
    no_lips = torch.zeros(targets.shape[1])
    both.fit(exact(torch.cat([detected, localised], dim=1), cameras, person), targets, no_lips)

    def told(encoder: LandmarkEncoder, of: torch.Tensor, training: bool) -> torch.Tensor:
        asked = person if training else None
        return encoder(of[:, None], cameras[:, None], given(cameras[:, None]), asked).differences

    wanted = targets - targets.mean(dim=0)
    for source, sides in (
        (localised, lambda one: torch.cat([nothing, one], dim=1)),
        (detected, lambda one: torch.cat([one, nothing], dim=1)),
    ):
        alone.fit(exact(source, cameras, person), targets, no_lips)
        for training in (False, True):
            found = told(both, sides(source), training)
            torch.testing.assert_close(found, told(alone, source, training), atol=1e-4, rtol=0)
            torch.testing.assert_close(found, wanted, atol=0.1, rtol=0)


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
    encoder.fit(exact(landmarks[known], cameras[known], known), points, torch.zeros(7))
    new = cameras[1::2, None]
    found = encoder(landmarks[1::2, None], new, given(new)).differences
    torch.testing.assert_close(found, points[1::2] - points[known].mean(dim=0), atol=0.02, rtol=0)
    assert all(not part.requires_grad for part in (encoder.weight, encoder.bias, encoder.basis))


def test_estimated_cameras_have_a_regression_of_their_own() -> None:
    """Landmarks that tell the opposite beside an estimated camera, in heads of one way to differ.

    Where no view had one, the regression of given cameras is asked.
    """
    torch.manual_seed(0)
    template, way = 0.3 * torch.randn(68, 3), 0.02 * torch.randn(68, 3)
    views = view_batch(SIZES["smoke"], heads=1, views=1)
    amounts = torch.linspace(-1.0, 1.0, 40)

    def landmarks(shift: torch.Tensor) -> torch.Tensor:
        moved = (template + shift[:, None, None] * way).flatten(0, 1)[None]
        return project(moved, views.projection)[0][0, 0].unflatten(0, (40, 68))

    cameras, head = views.projection[0].expand(40, -1, -1), torch.arange(40)
    estimated = torch.ones(40, dtype=torch.bool)
    points = torch.randn(7, 3) + amounts[:, None, None] * torch.randn(7, 3)
    both = LandmarkViews(
        torch.cat([landmarks(amounts), landmarks(-amounts)]),
        cameras.repeat(2, 1, 1),
        torch.cat([~estimated, estimated]),
        head.repeat(2),
        head.repeat(2),
    )
    told, alone = landmark_encoder(template), landmark_encoder(template)
    told.fit(both, points, torch.zeros(7))
    alone.fit(exact(landmarks(amounts), cameras, head), points, torch.zeros(7))
    wanted = points - points.mean(dim=0)

    def asked(encoder: LandmarkEncoder, shift: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
        return encoder(landmarks(shift)[:, None], cameras[:, None], of[:, None]).differences

    torch.testing.assert_close(asked(told, amounts, ~estimated), wanted, atol=0.05, rtol=0)
    torch.testing.assert_close(asked(told, -amounts, estimated), wanted, atol=0.05, rtol=0)
    torch.testing.assert_close(asked(alone, amounts, estimated), asked(alone, amounts, ~estimated))


def turned_cameras(degrees: list[float]) -> torch.Tensor:
    """(1, N, 3, 4) of cameras 10 units before the face's middle, turned about the vertical."""
    cameras = []
    for yaw in degrees:
        away = np.array([np.sin(np.deg2rad(yaw)), 0.0, np.cos(np.deg2rad(yaw))])
        R, t = look_at(10.0 * away, np.zeros(3))
        K = np.array([[300.0, 0, 32], [0, 300, 32], [0, 0, 1]])
        cameras.append(K @ np.column_stack([R, t]))
    return torch.tensor(np.stack(cameras), dtype=torch.float32)[None]


def test_views_count_by_their_errors_and_heads_that_are_seen_badly_are_drawn_to_the_mean() -> None:
    """By hand: squared errors of 0.1 from the front and 0.1 + 0.4 from 60 degrees to the side.

    Two views that tell 1 and 4: shares of 5/6 and 1/6, and errors that turning adds 0.4 / 6 to.
    """
    torch.manual_seed(0)
    encoder = landmark_encoder(0.3 * torch.randn(68, 3))
    encoder.errors[:] = torch.tensor([0.1, 0.1, 0.7])
    projection = turned_cameras([0.0, -60.0])
    told = torch.tensor([1.0, 4.0])[None, :, None].expand(-1, -1, 5)
    by = torch.zeros(1, 2, 2)

    def fused(seen: list[int]) -> torch.Tensor:
        shown = by.clone()
        shown[:, seen, 1] = 1.0
        return encoder._fused(told * shown.sum(dim=-1, keepdim=True), projection, shown)

    torch.testing.assert_close(fused([0]), torch.full((1, 5), 1.0))
    torch.testing.assert_close(fused([1]), torch.full((1, 5), 4.0 / 1.4))
    both = (5 / 6 * 1.0 + 1 / 6 * 4.0) / (1 + 0.4 / 6)
    torch.testing.assert_close(fused([0, 1]), torch.full((1, 5), both))
    assert fused([]).abs().max() == 0


def test_errors_by_pose_are_found_in_squared_errors_and_never_negative() -> None:
    torch.manual_seed(0)
    pose = 4 * torch.rand(50, 2)
    squares = (0.1 + 0.3 * pose[:, 0] + 0.2 * pose[:, 1]).double()
    torch.testing.assert_close(errors_by_pose(squares, pose), torch.tensor([0.1, 0.3, 0.2]))
    falling = (2.0 - 0.3 * pose[:, 0] + 0.2 * pose[:, 1]).double()
    found = errors_by_pose(falling, pose)
    assert found[1] == 0
    assert (found >= 0).all()


def test_errors_of_people_that_were_not_seen_grow_to_the_side() -> None:
    """Landmarks that are 0.05 px off from the front and 1 px from the side: told so by the fit."""
    torch.manual_seed(0)
    template, way = 0.3 * torch.randn(68, 3), 0.02 * torch.randn(68, 3)
    encoder, people = landmark_encoder(template), 60
    cameras = turned_cameras([0.0, 60.0])[0].repeat(people, 1, 1)
    amounts = torch.randn(people)
    head = torch.arange(people).repeat_interleave(2)
    moved = template + amounts[head][:, None, None] * way
    seen = torch.cat(
        [project(m[None], c[None, None])[0][0] for m, c in zip(moved, cameras, strict=True)]
    )
    off = torch.tensor([0.05, 1.0]).repeat(people)[:, None, None]
    points = torch.randn(7, 3) + amounts[:, None, None] * torch.randn(7, 3)
    encoder.fit(exact(seen + off * torch.randn(seen.shape), cameras, head), points, torch.zeros(7))
    frontal, by_yaw, _ = encoder.errors[0].tolist()
    assert 0 < frontal < 0.2
    assert 4 * by_yaw > 2 * frontal


def test_means_of_views_are_stretched_as_their_noise_asks() -> None:
    """Noisy landmarks of three views each: new heads are told better by the stretched mean."""
    torch.manual_seed(0)
    template, way = 0.3 * torch.randn(68, 3), 0.02 * torch.randn(68, 3)
    encoder, people = landmark_encoder(template), 120
    views = turned_cameras([-20.0, 0.0, 20.0])[0]
    amounts = torch.randn(people)
    points = torch.randn(7, 3) + amounts[:, None, None] * torch.randn(7, 3)
    moved = template + amounts[:, None, None] * way
    seen = torch.stack([project(one[None], views[None])[0][0] for one in moved])
    seen = seen + 2.0 * torch.randn(seen.shape)
    known, new = torch.arange(60), torch.arange(60, people)
    flat = LandmarkViews(
        seen[known].flatten(0, 1),
        views.repeat(60, 1, 1),
        torch.zeros(180, dtype=torch.bool),
        known.repeat_interleave(3),
        known.repeat_interleave(3),
    )
    encoder.fit(flat, points, torch.zeros(7))
    one, two, three, four = encoder.stretch[0, 1:5].tolist()
    assert one == 1 < two < three == four
    assert (encoder.stretch[1] == 1).all()
    cameras = views.expand(60, -1, -1, -1)
    wanted = points[new] - points[known].mean(dim=0)

    def error() -> float:
        told = encoder(seen[new], cameras, given(cameras)).differences
        return float((told - wanted).norm(dim=-1).mean())

    stretched = error()
    encoder.stretch.fill_(1.0)
    assert stretched < 0.98 * error()


def test_means_of_views_that_tell_nothing_of_new_heads_are_not_stretched_without_bounds() -> None:
    """Heads that have nothing to do with their landmarks: views are worth no more than views."""
    views = turned_cameras([-20.0, 0.0, 20.0, 10.0, -10.0, 5.0])[0]
    template, counts = 0.3 * torch.randn(68, 3), torch.arange(1, 7)
    usual, _ = project(template[None], views[None])
    for seed in range(3):
        torch.manual_seed(seed)
        encoder, head = landmark_encoder(template), torch.arange(20).repeat_interleave(6)
        seen = (usual[0] + torch.randn(20, 6, 68, 2)).flatten(0, 1)
        encoder.fit(exact(seen, views.repeat(20, 1, 1), head), torch.randn(20, 7, 3), torch.ones(7))
        assert (encoder.stretch[0, 1:] >= 1).all()
        assert (encoder.stretch[0, 1:] <= counts).all()


def test_lips_touch_where_the_regression_lets_them_overlap() -> None:
    """Heads of closed or parted lips, told from noisy landmarks: what is told to be parted stays.

    Of overlapping lips, both give way as much as they differ among these heads.
    """
    torch.manual_seed(0)
    template, way = 0.3 * torch.randn(68, 3), 0.02 * torch.randn(68, 3)
    views = view_batch(SIZES["smoke"], heads=1, views=1)
    parted = torch.linspace(-1.0, 1.0, 60).clamp(min=0.0)
    moved = (template + parted[:, None, None] * way).flatten(0, 1)[None]
    seen, _ = project(moved, views.projection)
    landmarks = seen[0, 0].unflatten(0, (60, 68)) + 0.1 * torch.randn(60, 68, 2)
    cameras = views.projection[0].expand(60, -1, -1)
    points = torch.randn(7, 3).expand(60, -1, -1).clone()
    # The second point is the upper lip, the fifth the lower one, which moves three times as far.
    points[:, 1, 1], points[:, 4, 1] = 0.25 * parted, -0.75 * parted
    heights = torch.tensor([0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0])
    heads = torch.arange(60)
    told = []
    for shares in (torch.zeros(7), heights):
        encoder = landmark_encoder(template)
        encoder.fit(exact(landmarks, cameras, heads), points, shares)
        asked = cameras[:, None]
        differences = encoder(landmarks[:, None], asked, given(asked)).differences
        told.append(points.mean(dim=0) + differences)
    free, touching = told
    height = free[:, :, 1] @ heights
    overlaps = height < 0
    assert overlaps.sum() > 10
    torch.testing.assert_close(touching[~overlaps], free[~overlaps])
    torch.testing.assert_close(
        touching[overlaps][:, :, 1] @ heights, torch.zeros(int(overlaps.sum())), atol=1e-5, rtol=0
    )
    change = (touching - free)[overlaps][:, :, 1]
    torch.testing.assert_close(change[:, 1], -0.25 * height[overlaps], atol=1e-4, rtol=0.02)
    torch.testing.assert_close(change[:, 4], 0.75 * height[overlaps], atol=1e-4, rtol=0.02)
    assert change[:, [0, 2, 3, 5, 6]].abs().max() < 1e-4


def test_a_person_with_its_mirror_image_is_told_by_others_in_training() -> None:
    """Random heads: the regression repeats what it was fitted to, and cannot tell a new person."""
    torch.manual_seed(0)
    template, people = 0.3 * torch.randn(68, 3), 25
    views = view_batch(SIZES["smoke"], heads=1, views=1)
    cameras = views.projection[0].expand(2 * people, -1, -1)
    usual, _ = project(template[None], views.projection)
    landmarks = (usual[0, 0] + 0.5 * torch.randn(people, 68, 2)).repeat(2, 1, 1)
    heads = torch.arange(2 * people)
    targets = torch.randn(people, 7, 3).repeat(2, 1, 1)
    differences = targets - targets.mean(dim=0)

    def correlation(person: torch.Tensor, asked: torch.Tensor | None) -> float:
        encoder = landmark_encoder(template)
        views = LandmarkViews(landmarks, cameras, given(cameras), heads, person)
        encoder.fit(views, targets, torch.zeros(7))
        seen = cameras[:, None]
        told = encoder(landmarks[:, None], seen, given(seen), asked).differences
        return float(torch.corrcoef(torch.stack([told.flatten(), differences.flatten()]))[0, 1])

    assert correlation(heads % people, None) > 0.6
    assert abs(correlation(heads % people, heads % people)) < 0.25
    # Were the mirror image another person, the head would be known by heart from it.
    assert correlation(heads, heads) > 0.4


@pytest.mark.parametrize("inputs", [4, 29, 30, 90])
def test_ridge_is_least_squares_with_a_penalty_on_scaled_weights(inputs: int) -> None:
    """With fewer inputs than rows, and with more."""
    torch.manual_seed(0)
    x = torch.randn(30, inputs, dtype=torch.float64) * 5 + 2
    y = torch.randn(30, 2, dtype=torch.float64)
    weight, bias = ridge(x, y, 10.0)
    spread = x.std(dim=0)
    scaled = (x - x.mean(dim=0)) / spread
    rows = torch.cat([scaled, 10.0**0.5 * torch.eye(inputs, dtype=torch.float64)])
    wanted = torch.cat([y - y.mean(dim=0), torch.zeros(inputs, 2, dtype=torch.float64)])
    slow = torch.linalg.lstsq(rows, wanted).solution.T / spread
    torch.testing.assert_close(weight, slow)
    torch.testing.assert_close(bias, y.mean(dim=0) - slow @ x.mean(dim=0))
