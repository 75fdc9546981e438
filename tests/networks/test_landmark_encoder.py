"""The landmark encoder: its features, its fit, and views without a face."""

import torch

from headwater.networks.landmark_encoder import RIDGE, LandmarkEncoder, ridge
from headwater.networks.pixel_aligned import project
from headwater.systems.glvd.config import SIZES
from tests.systems.glvd.test_model import view_batch


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


def test_landmarks_that_are_not_seen_say_as_much_as_the_mean_heads() -> None:
    torch.manual_seed(0)
    template = 0.3 * torch.randn(68, 3)
    encoder = landmark_encoder(template)
    views = view_batch(SIZES["smoke"], heads=2, views=3)
    usual, _ = project(template.expand(2, -1, -1), views.projection)
    moved = usual + 2.0
    unseen = torch.arange(68)[:, None] >= 48

    def features(of_unseen: torch.Tensor) -> torch.Tensor:
        return encoder(torch.where(unseen, of_unseen, moved), views.projection).features

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
        return encoder(landmarks, views.projection).features

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
    exact = seen[0, 0].unflatten(0, (40, 68))
    detected = exact + torch.tensor([2.0, 0.0]) + 0.02 * torch.randn(40, 68, 2)
    localised = exact + 0.02 * torch.randn(40, 68, 2)
    cameras = views.projection[0].expand(40, -1, -1)
    targets = torch.randn(7, 3) + amounts[:, None, None] * torch.randn(7, 3)
    person, nothing = torch.arange(40), torch.full_like(exact, float("nan"))
    both, alone = landmark_encoder(template.repeat(2, 1)), landmark_encoder(template)
    no_lips = torch.zeros(targets.shape[1])
    both.fit(torch.cat([detected, localised], dim=1), cameras, person, targets, person, no_lips)

    def told(encoder: LandmarkEncoder, of: torch.Tensor, training: bool) -> torch.Tensor:
        asked = person if training else None
        return encoder(of[:, None], cameras[:, None], asked).differences

    wanted = targets - targets.mean(dim=0)
    for source, sides in (
        (localised, lambda one: torch.cat([nothing, one], dim=1)),
        (detected, lambda one: torch.cat([one, nothing], dim=1)),
    ):
        alone.fit(source, cameras, person, targets, person, no_lips)
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
    encoder.fit(landmarks[known], cameras[known], known, points, known, torch.zeros(7))
    found = encoder(landmarks[1::2, None], cameras[1::2, None]).differences
    torch.testing.assert_close(found, points[1::2] - points[known].mean(dim=0), atol=0.02, rtol=0)
    assert all(not part.requires_grad for part in (encoder.weight, encoder.bias, encoder.basis))


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
        encoder.fit(landmarks, cameras, heads, points, heads, shares)
        differences = encoder(landmarks[:, None], cameras[:, None]).differences
        told.append(points.mean(dim=0) + differences)
    free, touching = told
    height = free[:, :, 1] @ heights
    overlaps = height < 0
    assert overlaps.sum() > 10
    torch.testing.assert_close(touching[~overlaps], free[~overlaps])
    torch.testing.assert_close(
        touching[overlaps][:, :, 1] @ heights, torch.zeros(int(overlaps.sum())), atol=1e-5, rtol=0
    )
    given = (touching - free)[overlaps][:, :, 1]
    torch.testing.assert_close(given[:, 1], -0.25 * height[overlaps], atol=1e-4, rtol=0.02)
    torch.testing.assert_close(given[:, 4], 0.75 * height[overlaps], atol=1e-4, rtol=0.02)
    assert given[:, [0, 2, 3, 5, 6]].abs().max() < 1e-4


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
        encoder.fit(landmarks, cameras, heads, targets, person, torch.zeros(7))
        told = encoder(landmarks[:, None], cameras[:, None], asked).differences
        return float(torch.corrcoef(torch.stack([told.flatten(), differences.flatten()]))[0, 1])

    assert correlation(heads % people, None) > 0.6
    assert abs(correlation(heads % people, heads % people)) < 0.25
    # Were the mirror image another person, the head would be known by heart from it.
    assert correlation(heads, heads) > 0.4


def test_ridge_is_least_squares_with_a_penalty_on_scaled_weights() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(30, 4, dtype=torch.float64) * 5 + 2, torch.randn(30, 2, dtype=torch.float64)
    weight, bias = ridge(x, y)
    spread = x.std(dim=0)
    scaled = (x - x.mean(dim=0)) / spread
    rows = torch.cat([scaled, RIDGE**0.5 * torch.eye(4, dtype=torch.float64)])
    wanted = torch.cat([y - y.mean(dim=0), torch.zeros(4, 2, dtype=torch.float64)])
    slow = torch.linalg.lstsq(rows, wanted).solution.T / spread
    torch.testing.assert_close(weight, slow)
    torch.testing.assert_close(bias, y.mean(dim=0) - slow @ x.mean(dim=0))
