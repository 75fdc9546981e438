"""Heatmaps at the projected true landmarks: an upper bound, and an end-to-end check."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.data.crops import crop_views, projected_points
from headwater.data.mirror import with_mirrored
from headwater.data.placement import placed_views
from headwater.data.scenes import Views
from headwater.evaluation.heads.extras import vertex_error
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.mirror import mirror_pairs
from headwater.networks.vertex_descent.training import examples_of
from headwater.systems.glvd.answer import reconstruct
from headwater.systems.glvd.config import HeatmapInput
from headwater.systems.glvd.data import Guidance
from headwater.systems.glvd.losses import Objective
from headwater.systems.glvd.train import build, guidance_of
from headwater.systems.glvd.weights import TrainedGlvd, load_weights
from headwater.training.determinism import deterministic
from headwater.training.device import CPU
from tests.data.test_mirror import symmetric_template
from tests.systems.glvd.test_heatmaps import HEADS, TEMPLATE, TOY, VIEWS, fit, head_targets
from tests.systems.judging import judged, sound
from tests.systems.toy_heads import toy_cases


def true_landmarks(views: Views) -> np.ndarray:
    return np.stack([TEMPLATE.landmarks_68(HEADS.vertices[head]) for head in views.head])


def misdetected(views: Views) -> Views:
    noise = np.random.default_rng(0).normal(0, 2.0, views.landmarks_478_px.shape)
    return replace(views, landmarks_478_px=(views.landmarks_478_px + noise).astype(np.float32))


def test_the_oracle_peaks_where_exact_landmarks_are() -> None:
    """Toy views are detected exactly, so what is true and what was found agree."""
    crops = crop_views(placed_views(VIEWS, TEMPLATE), TEMPLATE.nose_bridge, TOY.image_px, 280.0)
    peaks = projected_points(crops, VIEWS, true_landmarks(VIEWS))
    torch.testing.assert_close(peaks, crops.landmarks, atol=1e-3, rtol=0)


def test_peaks_are_mirrored_and_disturbed_as_landmarks_are() -> None:
    template = symmetric_template()
    oracle = TOY.model_copy(update={"heatmaps": HeatmapInput(source="oracle"), "most_views": 2})
    seen = examples_of(oracle, HEADS, VIEWS, template)
    assert seen.mirror is not None
    peaks = with_mirrored(
        seen.crops.landmarks[: len(VIEWS)] + 1.0, seen.mirror.landmarks, TOY.image_px
    )
    assert len(peaks) == len(seen.crops) == 2 * len(VIEWS)
    shift = peaks - seen.crops.landmarks
    torch.testing.assert_close(shift[len(VIEWS) :, :, 0], torch.full((len(VIEWS), 68), -1.0))
    torch.testing.assert_close(shift[..., 1], torch.ones(len(peaks), 68))
    network, batches = build(oracle, seen.seen_targets, template, 0), seen.batches(oracle, CPU)
    objective = Objective(oracle, network, seen, batches, Guidance(peaks))
    batch = batches.draw(torch.tensor([0, 7]), torch.Generator().manual_seed(0))
    views = objective.views(batch)
    assert views.peaks is not None
    moved = views.landmarks - seen.crops.landmarks[batch.rows]
    assert 0.1 < float(moved.std()) < 0.3
    torch.testing.assert_close(views.peaks - views.landmarks, shift[batch.rows], atol=1e-4, rtol=0)


def test_mirror_images_have_the_oracles_peaks_of_the_other_side() -> None:
    oracle = TOY.model_copy(update={"heatmaps": HeatmapInput(source="oracle")})
    template = symmetric_template()
    peaks = guidance_of(oracle, HEADS, examples_of(oracle, HEADS, VIEWS, template), None).peaks
    partner = mirror_pairs(template.landmarks_68(template.mean), 5.0)
    assert peaks is not None
    assert partner is not None
    plain, mirrored = peaks[: len(VIEWS)], peaks[len(VIEWS) :]
    torch.testing.assert_close(mirrored[..., 0], TOY.image_px - plain[:, partner, 0])
    torch.testing.assert_close(mirrored[..., 1], plain[:, partner, 1])


@pytest.mark.parametrize("source", ["oracle", "trained"])
def test_estimated_cameras_do_not_tell_where_the_true_points_are_seen(source: str) -> None:
    """The oracle then knows what was detected; a localiser is not trained on such views."""
    config = TOY.model_copy(update={"heatmaps": HeatmapInput(source=source)})
    estimated = np.arange(len(VIEWS)) % 2 > 0
    seen = examples_of(config, HEADS, replace(VIEWS, estimated=estimated), TEMPLATE)
    given = guidance_of(config, HEADS, examples_of(config, HEADS, VIEWS, TEMPLATE), None).peaks
    peaks = guidance_of(config, HEADS, seen, None).peaks
    assert peaks is not None
    assert given is not None
    torch.testing.assert_close(peaks[~seen.crops.estimated], given[~seen.crops.estimated])
    rest = peaks[seen.crops.estimated]
    if source == "oracle":
        torch.testing.assert_close(rest, seen.crops.landmarks[seen.crops.estimated])
    else:
        assert rest.isnan().all()


def test_training_on_the_oracle_learns_heads_and_asks_for_the_truth(tmp_path: Path) -> None:
    """Detections are pixels off: given the truth, the keypoints come out better than without."""
    views = misdetected(VIEWS)
    config = TOY.model_copy(
        update={"heatmaps": HeatmapInput(source="oracle"), "landmark_features": 0}
    )
    trained = load_weights(fit(config, HEADS, views, tmp_path))
    assert trained.config.heatmaps.source == "oracle"
    found = sound(judged(trained, toy_cases(HEADS, views)))
    assert max(vertex_error(one) for one in found) < 3.0
    view = views.choose(np.array([0]))
    truth = TEMPLATE.landmarks_478.on(HEADS.vertices[0])[IBUG68_FROM_478]
    # On as many threads as answers are given with: sums depend on their number.
    with deterministic(trained.config.threads):
        informed = reconstruct(trained, view, true_landmarks_mm=truth)
    np.testing.assert_array_equal(found[0].answer.vertices, informed.vertices)
    assert not np.array_equal(reconstruct(trained, view).vertices, informed.vertices)


def test_weights_of_the_detector_do_not_look_at_the_truth() -> None:
    trained = TrainedGlvd(build(TOY, head_targets(), TEMPLATE, 3).eval(), TOY, TEMPLATE)
    view = VIEWS.choose(np.array([0]))
    informed = reconstruct(trained, view, true_landmarks_mm=true_landmarks(view)[0] + 9.0)
    np.testing.assert_array_equal(informed.vertices, reconstruct(trained, view).vertices)
