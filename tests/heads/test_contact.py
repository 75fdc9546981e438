"""Mouths of drawn heads: closed at rest, open where the expression opens them."""

import numpy as np
import pytest

from headwater.faces.vocabulary import LOWER_LIP_TOP, UPPER_LIP_BOTTOM
from headwater.heads.contact import LEAST_OPENING_MM, LipContact, height_shares, lip_contact
from headwater.heads.model import HeadModel
from headwater.heads.sampling import sample_expression, sample_shape
from tests.heads.test_sampling import toy_model


def parted_mm(model: HeadModel, vertices: np.ndarray) -> np.ndarray:
    """Heights of the upper above the lower lip in the middle of the mouth, from the mesh itself."""
    points = model.landmarks_478.on(vertices)
    gaps = points[list(UPPER_LIP_BOTTOM), 1] - points[list(LOWER_LIP_TOP), 1]
    return np.asarray(gaps[4:7])


def contact(model: HeadModel) -> LipContact:
    lips = lip_contact(model)
    assert lips is not None
    return lips


def test_mouths_at_rest_are_closed(anny: HeadModel) -> None:
    """Drawn shapes part the lips or let them overlap; with contact neither, unless opened."""
    rng, lips = np.random.default_rng(0), contact(anny)
    before, after, opened = [], [], []
    for _ in range(60):
        shape, expression = sample_shape(anny, rng), sample_expression(anny, rng)
        before.append(parted_mm(anny, anny.vertices(shape, expression)))
        closed = lips.closed(shape, expression)
        after.append(parted_mm(anny, anny.vertices(shape, closed)))
        opened.append(lips.by_expression @ expression)
        np.testing.assert_allclose(after[-1], lips.parted_mm(shape, closed), atol=1e-3)
        assert ((closed >= 0) & (closed <= 1)).all()
        others = [i for i in range(len(closed)) if i not in (lips.closing, lips.opening)]
        np.testing.assert_array_equal(closed[others], expression[others])
    resting = np.mean(opened, axis=1) < LEAST_OPENING_MM
    assert 20 < resting.sum() < 55
    assert np.max(np.array(before)[resting]) > 1.5
    assert np.min(np.array(before)[resting]) < -1
    np.testing.assert_allclose(np.array(after)[resting].min(axis=1), 0, atol=0.02)
    assert np.array(after)[resting].mean() < 0.6
    left = (np.array(after) - np.array(opened))[~resting]
    np.testing.assert_allclose(left.min(axis=1), 0, atol=0.02)


def test_a_closed_mouth_stays_as_it_is(anny: HeadModel) -> None:
    lips = contact(anny)
    shape = sample_shape(anny, np.random.default_rng(3))
    rest = lips.closed(shape, np.zeros(len(anny.expression_names), np.float32))
    again = lips.closed(shape, rest)
    assert lips.parted_mm(shape, again).min() == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(again, rest, atol=1e-4)


def test_overlapping_lips_are_parted(anny: HeadModel) -> None:
    lips = contact(anny)
    expression = np.zeros(len(anny.expression_names), np.float32)
    expression[lips.closing] = 0.3
    shape = np.zeros(len(anny.shape_names), np.float32)
    assert lips.parted_mm(shape, expression).max() < -5
    assert lips.parted_mm(shape, lips.closed(shape, expression)).min() == pytest.approx(0, abs=1e-3)


def test_other_models(ict: HeadModel) -> None:
    """ICT-FaceKit has the units too; a model without them keeps what is drawn."""
    lips = contact(ict)
    rng = np.random.default_rng(1)
    neutral = np.zeros(len(ict.expression_names), np.float32)
    for _ in range(5):
        shape = sample_shape(ict, rng)
        closed = lips.closed(shape, neutral)
        assert abs(parted_mm(ict, ict.vertices(shape, closed)).min()) < 0.1
    assert lip_contact(toy_model("gaussian", ("a",), ("jawOpen",))) is None


def test_shares_of_the_vertices_give_the_height_between_the_lips(anny: HeadModel) -> None:
    rng = np.random.default_rng(5)
    shares = height_shares(anny.landmarks_478, len(anny.mean))
    for _ in range(3):
        vertices = anny.vertices(sample_shape(anny, rng), sample_expression(anny, rng))
        expected = parted_mm(anny, vertices).mean()
        assert float(shares @ vertices[:, 1]) == pytest.approx(expected, abs=1e-3)
