"""Expectations of parts and views, on toy heads.

The landmark encoder is left out: it would tell the network all that differs between toy heads.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headwater.data.scenes import FloatArray, Heads, Views
from headwater.geometry.registration import umeyama
from headwater.systems.glvd.answer import reconstruct
from headwater.systems.glvd.config import GlvdConfig
from headwater.systems.glvd.data import keypoint_indices
from headwater.systems.glvd.train import train
from headwater.systems.glvd.weights import TrainedGlvd, load_weights
from headwater.systems.lvd.answer import TrainedLvd
from headwater.systems.lvd.answer import load_weights as lvd_weights
from headwater.systems.lvd.answer import reconstruct as lvd_steps
from headwater.systems.lvd.train import train as train_lvd
from tests.systems.toy_heads import (
    TOY_CONFIG,
    TOY_LVD,
    toy_heads,
    toy_samples,
    toy_template,
    toy_views,
    train_in,
)

pytestmark = pytest.mark.slow

TEMPLATE = toy_template()
CONFIG = TOY_CONFIG.model_copy(
    update={"landmark_features": 0, "steps": 500, "checkpoint_every": 500}
)


@pytest.fixture(scope="module")
def people() -> tuple[Heads, Views, Heads, Views]:
    """24 heads to learn from and 12 others, in three views each."""
    heads, others = toy_heads(24, seed=7), toy_heads(12, seed=9)
    return heads, toy_views(heads, 3, seed=8), others, toy_views(others, 3, seed=10)


def fitted(
    people: tuple[Heads, Views, Heads, Views], folder: Path, config: GlvdConfig
) -> TrainedGlvd:
    heads, views, _, _ = people
    samples = toy_samples(heads, 600, seed=11) if config.sdf_steps else None
    result = train_in(folder, train, config, heads, views, samples=samples)
    return load_weights(result.weights)


@pytest.fixture(scope="module")
def full(
    people: tuple[Heads, Views, Heads, Views], tmp_path_factory: pytest.TempPathFactory
) -> TrainedGlvd:
    """GLVD with its keypoints."""
    return fitted(people, tmp_path_factory.mktemp("full"), CONFIG)


def fitted_lvd(
    people: tuple[Heads, Views, Heads, Views], folder: Path, **changes: object
) -> TrainedLvd:
    """LVD, which has no keypoints, trained like ``CONFIG``."""
    heads, views, _, _ = people
    same = {"steps": CONFIG.steps, "checkpoint_every": CONFIG.checkpoint_every}
    config = TOY_LVD.model_copy(update={**same, **changes})
    samples = toy_samples(heads, 600, seed=11) if config.sdf_steps else None
    return lvd_weights(train_in(folder, train_lvd, config, heads, views, samples=samples).weights)


def true_keypoints(vertices: np.ndarray) -> FloatArray:
    """Keypoints (K, 3) mm of a head."""
    return TEMPLATE.landmarks_478.on(vertices)[keypoint_indices(CONFIG.keypoints)]


def error(
    trained: TrainedGlvd | TrainedLvd,
    heads: Heads,
    views: Views,
    noise_mm: float | None = None,
    count: int = 1,
) -> float:
    """Mean vertex error, mm, from ``count`` views, guided by the own keypoints.

    noise_mm: guided by true keypoints with this noise instead.
    """
    rng = np.random.default_rng(0)
    found = []
    for head, truth in enumerate(heads.vertices):
        guides = None
        if noise_mm is not None:
            keypoints = true_keypoints(truth)
            guides = (keypoints + rng.normal(0.0, noise_mm, keypoints.shape)).astype(np.float32)
        seen = views.choose(np.flatnonzero(views.head == head)[:count])
        if isinstance(trained, TrainedLvd):
            vertices = lvd_steps(trained, seen)[-1]
        else:
            vertices = reconstruct(trained, seen, guides=guides).vertices
        placed = umeyama(vertices, truth, with_scale=False).apply(vertices)
        found.append(np.linalg.norm(placed - truth, axis=1).mean())
    return float(np.mean(found))


def test_keypoints_help_and_better_ones_help_more(
    people: tuple[Heads, Views, Heads, Views], full: TrainedGlvd, tmp_path: Path
) -> None:
    _, _, heads, views = people
    errors = {
        "true": error(full, heads, views, 0.0),
        "own": error(full, heads, views),
        "20 mm off": error(full, heads, views, 20.0),
        "none": error(fitted_lvd(people, tmp_path), heads, views),
    }
    print(errors)
    assert errors["true"] <= errors["own"] < errors["none"]
    assert errors["own"] < errors["20 mm off"]


def test_keypoints_may_learn_first(
    people: tuple[Heads, Views, Heads, Views], full: TrainedGlvd, tmp_path: Path
) -> None:
    _, _, heads, views = people
    staged = fitted(people, tmp_path, CONFIG.model_copy(update={"keypoint_steps": 150}))
    together, first = error(full, heads, views), error(staged, heads, views)
    print(together, first)
    assert first < 1.5 * together


def test_signed_distances_first_are_a_head_start(
    people: tuple[Heads, Views, Heads, Views], tmp_path: Path
) -> None:
    """At equal steps of descent training, for what the images alone tell."""
    _, _, heads, views = people
    without = error(fitted_lvd(people, tmp_path / "without", steps=200), heads, views)
    first = {"sdf_steps": 500, "sdf_points": 512, "encoder_rate": 0.3}
    pretrained = error(fitted_lvd(people, tmp_path / "with", steps=200, **first), heads, views)
    print(without, pretrained)
    assert pretrained < without


def misdetected(views: Views, seed: int) -> Views:
    """The views with landmarks that are a pixel off, in every view differently."""
    noise = np.random.default_rng(seed).normal(0.0, 1.0, views.landmarks_478_px.shape)
    return replace(views, landmarks_478_px=(views.landmarks_478_px + noise).astype(np.float32))


def test_three_views_tell_more_than_one_and_six_little_more_than_three(tmp_path: Path) -> None:
    """Test 13, with the landmark encoder, where a detector errs in every view by itself."""
    heads, others = toy_heads(48, seed=7), toy_heads(12, seed=9)
    views = misdetected(toy_views(heads, 6, seed=8), 1)
    asked = misdetected(toy_views(others, 6, seed=10), 2)
    config = TOY_CONFIG.model_copy(update={"steps": 500, "checkpoint_every": 500, "most_views": 6})
    trained = fitted((heads, views, others, asked), tmp_path, config)
    errors = {count: error(trained, others, asked, count=count) for count in (1, 3, 6)}
    print(errors)
    assert errors[3] < 0.9 * errors[1]
    assert abs(errors[6] - errors[3]) < errors[1] - errors[3]


def several_views(trained: TrainedGlvd, heads: Heads, views: Views) -> float:
    """Mean vertex error, mm, from all views of each head, where the cameras put it."""
    found = [
        reconstruct(trained, views.choose(np.flatnonzero(views.head == head))).vertices
        for head in range(len(heads.vertices))
    ]
    return float(np.linalg.norm(np.stack(found) - heads.vertices, axis=2).mean())


def test_the_canonical_space_helps_from_several_views(
    people: tuple[Heads, Views, Heads, Views], tmp_path: Path
) -> None:
    """Against the axes of the first camera, for what is found with no head known before."""
    _, _, heads, views = people
    canonical = CONFIG.model_copy(
        update={"template_prior": False, "most_views": 3, "steps": 2000, "checkpoint_every": 2000}
    )
    camera = canonical.model_copy(update={"space": "camera"})
    errors = {
        config.space: several_views(fitted(people, tmp_path / config.space, config), heads, views)
        for config in (canonical, camera)
    }
    print(errors)
    assert errors["canonical"] < errors["camera"]
