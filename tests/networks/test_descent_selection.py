"""The error that a vertex descent's weights are selected by."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from torch import nn

from headwater.data.scenes import FloatArray, Views
from headwater.data.training_tables import ValidationHeads
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.objective import near_face
from headwater.networks.vertex_descent.selection import (
    validation_on,
    validation_tensors,
    vertex_error_mm,
)
from tests.systems.toy_heads import toy_heads, toy_template, toy_views

TEMPLATE, HEADS = toy_template(), toy_heads(3, seed=1)
NEAR = near_face(TEMPLATE)
HELD = ValidationHeads(HEADS.vertices, toy_views(HEADS, 1, seed=2))


def test_a_rigid_motion_is_no_error_and_a_scale_is_one() -> None:
    head = HEADS.vertices[0]
    turned = head @ Rotation.from_euler("xyz", (0.3, -0.5, 0.2)).as_matrix().T + [10, -20, 30]
    assert vertex_error_mm(turned.astype(np.float32), head, NEAR) < 1e-3
    centred = head[NEAR] - head[NEAR].mean(axis=0)
    by_hand = 0.1 * np.linalg.norm(centred, axis=1).mean()
    assert vertex_error_mm(1.1 * head, head, NEAR) == pytest.approx(by_hand, rel=1e-4)


def test_vertices_off_the_face_do_not_count() -> None:
    head = HEADS.vertices[0]
    moved = np.where(NEAR[:, None], head, head + 50.0).astype(np.float32)
    assert vertex_error_mm(moved, head, NEAR) < 1e-3


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_head_that_is_none_has_an_infinite_error(value: float) -> None:
    head = HEADS.vertices[0]
    assert vertex_error_mm(np.full_like(head, value), head, NEAR) == np.inf


def test_it_is_the_mean_over_heads_of_what_their_views_show() -> None:
    config = DescentConfig(validate_every=30)
    network = nn.Identity()
    shown: list[FloatArray] = []

    def reconstruct(given: nn.Module, view: Views, landmarks: FloatArray) -> FloatArray:
        assert given is network
        assert len(view) == 1
        head = len(shown)
        np.testing.assert_array_equal(view.images[0], HELD.views.images[head])
        np.testing.assert_allclose(landmarks, TEMPLATE.landmarks_68(HEADS.vertices[head]))
        shown.append((1.0 + 0.1 * head) * HEADS.vertices[head])
        return shown[-1]

    validation = validation_on(HELD, config, TEMPLATE, reconstruct)
    assert validation is not None
    assert validation.every == 30
    error = validation.error(network)
    errors = [vertex_error_mm(a, b, NEAR) for a, b in zip(shown, HEADS.vertices, strict=True)]
    assert errors[0] < 1e-3 < errors[1] < errors[2]
    assert error == pytest.approx(np.mean(errors))


def test_without_heads_nothing_is_selected() -> None:
    def reconstruct(network: nn.Module, view: Views, landmarks: FloatArray) -> FloatArray:
        raise AssertionError

    assert validation_on(None, DescentConfig(), TEMPLATE, reconstruct) is None
    assert validation_tensors(None) == ()
    # Vertices, cameras and landmarks, and image and mask of every view.
    assert len(validation_tensors(HELD)) == 5 + 2 * len(HELD.views)
