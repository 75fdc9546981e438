"""The landmark encoder: its features, its fit, and views without a face."""

import torch

from headwater.networks.pixel_aligned import project
from headwater.systems.glvd.config import SIZES
from headwater.systems.glvd.landmark_encoder import LandmarkEncoder
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
