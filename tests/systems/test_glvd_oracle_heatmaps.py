"""Heatmaps at the projected true landmarks: an upper bound, and an end-to-end check."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from headwater.data.scenes import Views
from headwater.descent.augment import augmented_batch
from headwater.descent.config import HeatmapInput
from headwater.descent.data import crop_views, placed_views, with_true_peaks
from headwater.descent.mirror import with_mirrored
from headwater.descent.reconstruct import reconstruct
from headwater.descent.train import build
from headwater.descent.view_sets import ViewSets
from headwater.descent.weights import TrainedGlvd, load_weights
from headwater.evaluation.heads.extras import vertex_error
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.training.loop import deterministic
from tests.systems.judging import judged, sound
from tests.systems.test_glvd_heatmaps import HEADS, TEMPLATE, TOY, VIEWS, fit, head_targets
from tests.systems.test_glvd_mirror import symmetric_template
from tests.systems.toy_heads import toy_cases


def true_landmarks(views: Views) -> np.ndarray:
    return np.stack([TEMPLATE.landmarks_68(HEADS.vertices[head]) for head in views.head])


def misdetected(views: Views) -> Views:
    noise = np.random.default_rng(0).normal(0, 2.0, views.landmarks_478_px.shape)
    return replace(views, landmarks_478_px=(views.landmarks_478_px + noise).astype(np.float32))


def test_the_oracle_peaks_where_exact_landmarks_are() -> None:
    """Toy views are detected exactly, so what is true and what was found agree."""
    crops = crop_views(placed_views(VIEWS, TEMPLATE), TEMPLATE.nose_bridge, TOY.image_px, 280.0)
    crops = with_true_peaks(crops, VIEWS, true_landmarks(VIEWS))
    assert crops.peaks is not None
    torch.testing.assert_close(crops.peaks, crops.landmarks, atol=1e-3, rtol=0)


def test_peaks_are_mirrored_and_disturbed_as_landmarks_are() -> None:
    template = symmetric_template()
    crops = crop_views(placed_views(VIEWS, template), template.nose_bridge, TOY.image_px, 280.0)
    crops = replace(crops, peaks=crops.landmarks + 1.0)
    both, _ = with_mirrored(crops, head_targets(), template)
    assert both.peaks is not None
    assert len(both.peaks) == 2 * len(VIEWS)
    shift = both.peaks - both.landmarks
    torch.testing.assert_close(shift[len(VIEWS) :, :, 0], torch.full((len(VIEWS), 68), -1.0))
    torch.testing.assert_close(shift[..., 1], torch.ones(len(both), 68))
    sets = ViewSets(VIEWS, both, template)
    rows = torch.tensor([[0, 1], [7, 6]])
    batch = augmented_batch(sets, rows, TOY, torch.Generator().manual_seed(0))
    assert batch.peaks is not None
    torch.testing.assert_close(batch.peaks - batch.landmarks, shift[rows], atol=1e-4, rtol=0)


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
