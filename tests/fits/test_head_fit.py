"""Heads of ours fitted to faces: of the same surface found again, and at any place."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headwater.data.dense_points import DensePoints, dense_points
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError
from headwater.fits.head_fit import HeadFit
from headwater.geometry.registration import Similarity
from headwater.heads.model import HeadModel
from tests.data.published_faces import toy_model

MODEL = toy_model()
PLACE = Similarity(
    1.0, Rotation.from_euler("xyz", [20, -50, 5], degrees=True).as_matrix(), np.array([9, -40, 3.0])
)


def pairs_of(model: HeadModel) -> DensePoints:
    template = Template(model.mean, model.faces, model.surface, model.landmarks_478)
    return dense_points(template, model.mean, template.landmarks_68(model.mean))


@pytest.mark.parametrize("seed", range(3))
def test_a_face_of_our_own_model_is_found_again_at_any_place(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = MODEL.vertices(
        rng.normal(0, 1, 6).astype(np.float32), rng.uniform(0, 0.5, 3).astype(np.float32)
    )
    pairs = pairs_of(MODEL)
    face = PLACE.inverse().apply(pairs.on(truth))
    found = HeadFit(MODEL, pairs).fit(face)
    again = MODEL.vertices(found.shape, found.expression)
    away = np.linalg.norm(pairs.on(again) - found.place.apply(face), axis=1)
    assert found.apart_mm == pytest.approx(np.sqrt(np.square(away).mean()), rel=1e-3)
    mean = HeadFit(MODEL, pairs).fit(PLACE.inverse().apply(pairs.on(MODEL.mean)))
    # Some way towards the mean, as the most probable head is.
    apart = np.linalg.norm(pairs.on(truth) - pairs.on(MODEL.mean), axis=1).mean()
    assert found.apart_mm < 0.4 * apart
    assert mean.apart_mm < 0.5
    assert found.place.scale == 1.0


def test_noise_of_single_points_moves_the_head_by_a_part_of_it() -> None:
    pairs = pairs_of(MODEL)
    fit = HeadFit(MODEL, pairs)
    noise = np.random.default_rng(0).normal(0, 2.0, (len(pairs.rows), 3))
    one, other = (fit.fit(pairs.on(MODEL.mean) + extra) for extra in (0.0, noise))
    heads = [MODEL.vertices(found.shape, found.expression) for found in (one, other)]
    moved = np.linalg.norm(heads[1] - heads[0], axis=1)
    assert moved.mean() < 0.6 * np.linalg.norm(noise, axis=1).mean()


def test_a_model_without_shapes_is_refused() -> None:
    bare = replace(MODEL, shape_names=(), shape_basis=np.zeros((0, 162, 3), np.float32))
    with pytest.raises(HeadwaterError, match="no shapes that can be fitted"):
        HeadFit(bare, pairs_of(MODEL))
