"""The template bent to a mesh with codes: exact targets are reached, and the rest follows."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from headwater.data.face_codes import face_cut
from headwater.data.scenes import Template
from headwater.systems.facevision import registration
from headwater.systems.facevision.registration import PULL, REACH_MM, STAY, Registration
from tests.systems.toy_heads import toy_head, toy_template

Float64Array = NDArray[np.float64]


def test_a_template_comes_to_the_points_that_its_codes_name() -> None:
    template = toy_template()
    cut = face_cut(template)
    true, _ = toy_head(1.0, 1.1, 34.0)
    bend = Registration(template, cut).prepared()
    found = bend.registered(template.mean, true[cut.vertex], cut.mean)
    before = np.linalg.norm(template.mean - true, axis=1)
    after = np.linalg.norm(found - true, axis=1)
    assert after[cut.vertex].mean() < 0.2 * before[cut.vertex].mean()
    # Where nothing was seen it follows what was.
    behind = np.setdiff1d(np.arange(len(true)), cut.vertex)
    assert after[behind].mean() < before[behind].mean()


def test_without_a_point_near_its_codes_it_stays_as_it_stands() -> None:
    template = toy_template()
    start = template.mean.astype(np.float64) + [10.0, -5.0, 3.0]
    bend = Registration(template, face_cut(template))
    far = np.array([[500.0, 0.0, 0.0]])
    np.testing.assert_allclose(bend.registered(start, far, far), start, atol=1e-6)


def test_the_factored_solve_is_the_plain_minimum() -> None:
    """With targets everywhere, one step is the minimum of bending and pull, as solved densely."""
    template = toy_template()
    cut = face_cut(template, 1e3)
    count = len(template.mean)
    assert len(cut.vertex) == count
    rng = np.random.default_rng(0)
    targets = template.mean + rng.normal(0, 3.0, (count, 3))
    bending = _bending(template)
    expected = np.linalg.solve(
        bending + PULL * np.eye(count), bending @ template.mean + PULL * targets
    )
    found = Registration(template, cut).registered(template.mean, targets, cut.mean)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert STAY < PULL


def test_four_steps_come_as_far_as_ten_plain_solves_and_many_reach_the_minimum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With targets on one half of the face: against the dense minimum, and the plain iteration."""
    template = toy_template()
    cut = face_cut(template)
    true, _ = toy_head(1.0, 1.1, 34.0)
    seen = cut.mean[:, 0] > 0
    bend = Registration(template, cut)
    given = (template.mean, true[cut.vertex[seen]], cut.mean[seen])
    found = bend.registered(*given)
    # Codes as near as ``REACH_MM`` reach over the middle; targets are those that were found.
    distance, nearest = cKDTree(cut.mean[seen]).query(cut.mean)
    rows = cut.vertex[distance < REACH_MM]
    wanted = template.mean.astype(np.float64)
    wanted[rows] = true[cut.vertex[seen]][nearest[distance < REACH_MM]]
    weights = np.full(len(wanted), STAY)
    weights[rows] = PULL
    bending, x0 = _bending(template), template.mean.astype(np.float64)

    def energy(x: Float64Array) -> float:
        off = x - x0
        return float(np.sum(off * (bending @ off)) + weights @ np.square(x - wanted).sum(axis=1))

    least = np.linalg.solve(bending + np.diag(weights), bending @ x0 + weights[:, None] * wanted)
    every = np.full(len(x0), STAY)
    every[cut.vertex] = PULL
    plain = x0
    for _ in range(10):
        target = plain.copy()
        target[rows] = wanted[rows]
        plain = np.linalg.solve(bending + np.diag(every), bending @ x0 + every[:, None] * target)
    assert energy(least) < energy(found) < 1.01 * energy(plain) < 0.1 * energy(x0)
    monkeypatch.setattr(registration, "STEPS", 1000)
    np.testing.assert_allclose(bend.registered(*given), least, atol=1e-2)


def _bending(template: Template) -> Float64Array:
    """L^T L (v, v) of the umbrella Laplacian, vertex by vertex."""
    laplacian = np.eye(len(template.mean))
    for v in range(len(laplacian)):
        ring = np.setdiff1d(template.faces[(template.faces == v).any(axis=1)], [v])
        laplacian[v, ring] = -1.0 / len(ring)
    return np.asarray(laplacian.T @ laplacian)


def test_a_second_head_costs_no_factorisation(monkeypatch: pytest.MonkeyPatch) -> None:
    factored = []

    def counted(matrix: object) -> object:
        factored.append(matrix)
        return splu(matrix)

    monkeypatch.setattr(registration, "splu", counted)
    template = toy_template()
    cut = face_cut(template)
    bend = Registration(template, cut)
    for scale in (1.0, 1.1):
        head = scale * template.mean
        found = bend.registered(head, head[cut.vertex], cut.mean)
        np.testing.assert_allclose(found, head, atol=1e-4)
    assert len(factored) == 1
