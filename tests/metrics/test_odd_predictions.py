"""Surfaces that no head has: judged whole, whatever their triangles, or counted as failures."""

import numpy as np
import pytest
import trimesh

from headwater.faces.vocabulary import NOSE_TIP
from headwater.metrics.benchmark import (
    NO_AREA,
    NOT_CONVERGED,
    BenchmarkRow,
    Prediction,
    TruthHead,
    score,
)
from tests.metrics import heads as toys
from tests.metrics.slow_scores import SlowTruth, slow_score

MESH = toys.egg(4)
VERTICES = np.array(MESH.vertices)
LANDMARKS = VERTICES[toys.landmark_vertices(MESH)]
TRUTH = TruthHead("ada", VERTICES, MESH.faces, LANDMARKS)
SHEET = np.array([[-500.0, -500, 60], [500, -500, 60], [0, 800, 60]])

Surface = tuple[np.ndarray, np.ndarray]


def with_sheet(size: float = 1.0) -> Surface:
    """The head with one triangle, a metre wide or more, through the middle of its face."""
    grown = SHEET * [size, size, 1.0]
    sheet = len(VERTICES) + np.arange(3)
    return np.concatenate([VERTICES, grown]), np.concatenate([MESH.faces, [sheet]])


def box() -> Surface:
    """A box of twelve triangles, all corners of which are far from the nose."""
    mesh = trimesh.creation.box((180.0, 250.0, 200.0))
    return np.array(mesh.vertices), np.array(mesh.faces)


def judged(surface: Surface, landmarks: np.ndarray = LANDMARKS) -> BenchmarkRow:
    return score(TRUTH, Prediction(*surface, landmarks), system="toy", views=1, yaw_degrees=0.0)


def slowly(row: BenchmarkRow, surface: Surface, landmarks: np.ndarray) -> dict[str, float]:
    assert row.heat is not None
    found = row.heat.transform.inverse()
    scores = slow_score(SlowTruth(TRUTH), *surface, landmarks, found)
    assert scores is not None
    return scores


def misplaced_nose() -> np.ndarray:
    """The landmarks with the tip of the nose far off, on a surface that is right."""
    landmarks = LANDMARKS.copy()
    landmarks[NOSE_TIP] += [80.0, 0.0, 0.0]
    return landmarks


@pytest.mark.fault("a score counts every part of a predicted surface, whatever its triangles")
@pytest.mark.parametrize(
    ("surface", "landmarks"),
    [
        (with_sheet(), LANDMARKS),
        (box(), LANDMARKS),
        ((VERTICES, MESH.faces), misplaced_nose()),
        ((0.9 * VERTICES, MESH.faces[:, ::-1]), 0.9 * LANDMARKS),
    ],
    ids=["a sheet through the face", "a box", "a misplaced nose tip", "inside out"],
)
def test_odd_surfaces_have_the_slow_scores(surface: Surface, landmarks: np.ndarray) -> None:
    row = judged(surface, landmarks)
    slow = slowly(row, surface, landmarks)
    assert row.face_scan_to_mesh_mm == pytest.approx(slow["forward_mm"], abs=1e-9)
    assert row.h3ds_head_mm == pytest.approx(slow["h3ds_head_mm"], abs=1e-9)
    # Long triangles are sampled in other places.
    assert row.reverse_face_mm == pytest.approx(slow["reverse_mm"], rel=0.02, abs=1e-9)
    assert row.f_score_1mm == pytest.approx(slow["f_score_1mm"], abs=0.02)


@pytest.mark.fault("a score counts every part of a predicted surface, whatever its triangles")
@pytest.mark.parametrize("size", [1.0, 1e3, 1e5])
def test_a_sheet_counts_by_what_is_near_the_face(size: float) -> None:
    row = judged(with_sheet(size))
    assert row.face_scan_to_mesh_mm < 1e-6
    # As a sheet that is sampled every two millimetres says.
    assert row.reverse_face_mm == pytest.approx(5.63, abs=0.1)
    assert row.f_score_1mm == pytest.approx(0.722, abs=0.01)


@pytest.mark.fault("a metric that an answer has not counts as a failure, never as left out")
def test_a_surface_without_area_is_a_failure() -> None:
    points = np.repeat(np.arange(len(VERTICES))[:, None], 3, axis=1)
    assert judged((VERTICES, points)).failure == NO_AREA


def test_landmarks_at_one_point_are_a_failure() -> None:
    landmarks = np.repeat(LANDMARKS[:1], len(LANDMARKS), axis=0)
    assert judged((VERTICES, MESH.faces), landmarks).failure == NOT_CONVERGED
