"""The five relative encodings: values, invariances and gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from headwater.systems.glvd.config import SIZES
from headwater.systems.glvd.relative_encoding import (
    GAUSS_SIGMA,
    KPNERF_SIGMA,
    RELATIVE_ENCODINGS,
    waves,
)
from tests.systems.glvd.test_model import descend, network, view_batch

NAMES = sorted(RELATIVE_ENCODINGS)
VERTICES, KEYPOINTS, VIEWS = 7, 4, 2
SEEDS = st.integers(0, 2**32 - 1)


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    projection = rng.normal(0, 1, (1, VIEWS, 3, 4))
    return rng.normal(0, 1, (1, VERTICES, 3)), rng.normal(0, 1, (1, KEYPOINTS, 3)), projection, rng


def encode(name: str, *arrays: np.ndarray) -> np.ndarray:
    """(VERTICES, KEYPOINTS, width): what each vertex holds about each keypoint."""
    encoding = RELATIVE_ENCODINGS[name]
    flat = encoding.encode(*(torch.tensor(a) for a in arrays)).numpy()[0]
    assert flat.shape == (VERTICES, KEYPOINTS * encoding.width)
    return flat.reshape(VERTICES, KEYPOINTS, encoding.width)


def moved_camera(projection: np.ndarray, turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Cameras that see x -> turn x + shift as the given ones see x."""
    rotation = projection[..., :3] @ turn.T
    return np.concatenate([rotation, projection[..., 3:] - (rotation @ shift)[..., None]], axis=-1)


def by_hand(name: str, vertex: np.ndarray, keypoint: np.ndarray, projection: np.ndarray) -> list:
    """The note's formulas for one vertex and one keypoint, in plain numbers."""
    distance = float(np.sqrt(((vertex - keypoint) ** 2).sum() + 1e-8))

    def octaves(value: float) -> list[float]:
        angles = [np.pi, 2 * np.pi, 4 * np.pi]
        return [value, *(np.sin(a * value) for a in angles), *(np.cos(a * value) for a in angles)]

    if name == "dist":
        return [distance]
    if name == "dist_pe":
        return octaves(distance)
    if name == "gauss":
        return [np.exp(-(distance**2) / (2 * GAUSS_SIGMA**2))]
    if name == "offset":
        return list(vertex - keypoint)
    depths = [
        (camera @ [*vertex, 1.0])[2] - (camera @ [*keypoint, 1.0])[2] for camera in projection
    ]
    fade = np.exp(-(distance**2) / (2 * KPNERF_SIGMA**2))
    return list(np.mean([octaves(depth) for depth in depths], axis=0) * fade)


@pytest.mark.parametrize("name", NAMES)
@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_an_encoding_is_its_formula(name: str, seed: int) -> None:
    vertices, keypoints, projection, _ = scene(seed)
    found = encode(name, vertices, keypoints, projection)
    for i in range(VERTICES):
        for j in range(KEYPOINTS):
            expected = by_hand(name, vertices[0, i], keypoints[0, j], projection[0])
            np.testing.assert_allclose(found[i, j], expected, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_moving_all_together_and_renumbering_keypoints(name: str, seed: int) -> None:
    """Rigid motion of points and cameras changes nothing; offsets alone turn with the points."""
    vertices, keypoints, projection, rng = scene(seed)
    expected = encode(name, vertices, keypoints, projection)
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(0, 1, 3)
    moved = encode(
        name,
        vertices @ turn.T + shift,
        keypoints @ turn.T + shift,
        moved_camera(projection, turn, shift),
    )
    same = expected @ turn.T if name == "offset" else expected
    np.testing.assert_allclose(moved, same, atol=1e-6)
    order = rng.permutation(KEYPOINTS)
    renumbered = encode(name, vertices, keypoints[:, order], projection)
    np.testing.assert_allclose(renumbered, expected[:, order], atol=1e-9)


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_distances_grow_with_the_world(seed: int) -> None:
    vertices, keypoints, projection, _ = scene(seed)
    once = encode("dist", vertices, keypoints, projection)
    np.testing.assert_allclose(
        encode("dist", 3 * vertices, 3 * keypoints, projection), 3 * once, atol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_finite_at_zero_distance(name: str) -> None:
    vertices = torch.zeros(1, 1, 3, requires_grad=True)
    projection = torch.zeros(1, 1, 3, 4)
    RELATIVE_ENCODINGS[name].encode(vertices, torch.zeros(1, 1, 3), projection).sum().backward()
    assert torch.isfinite(vertices.grad).all()


@given(SEEDS)
@settings(max_examples=3, deadline=None)
def test_encodings_have_the_gradient_that_differences_show(seed: int) -> None:
    vertices, keypoints, projection, _ = scene(seed)
    inputs = [torch.tensor(a) for a in (vertices, keypoints, projection)]
    for name in NAMES:
        x = inputs[0].clone().requires_grad_()
        encoding = RELATIVE_ENCODINGS[name]
        assert torch.autograd.gradcheck(lambda v, e=encoding: e.encode(v, *inputs[1:]), (x,))


def test_waves_keep_the_value_first() -> None:
    values = torch.tensor([[0.0, 0.25]])
    found = waves(values)
    assert found.shape == (1, 2, 7)
    torch.testing.assert_close(found[0, 0], torch.tensor([0.0, 0, 0, 0, 1, 1, 1]))
    assert found[0, 1, 0] == 0.25


@pytest.mark.parametrize("name", NAMES)
def test_a_network_descends_with_every_encoding(name: str) -> None:
    config = SIZES["smoke"].model_copy(update={"relative_encoding": name})
    net = network(config)
    found = descend(net, view_batch(config, heads=2, views=2))
    assert found.shape == (2, 40, 3)
    assert torch.isfinite(found).all()
