"""The H3DS score against an independent slow version of it, and against what is known of it."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from headwater.errors import HeadwaterError
from headwater.metrics.h3ds import (
    FACE_RADIUS_MM,
    H3dsTruth,
    face_sphere,
    h3ds_score,
    landmarks_of,
    region_distances,
)
from tests.metrics import heads as toys


@pytest.fixture(scope="module")
def truth() -> H3dsTruth:
    mesh = toys.egg(3)
    points = landmarks_of(mesh.vertices[toys.landmark_vertices(mesh)])
    front = np.flatnonzero(mesh.vertices[:, 2] > 10.0)
    return H3dsTruth(mesh.vertices, points, front, face_sphere(mesh.vertices, points["nose_tip"]))


def slow_procrustes(a, b, reflection):
    """Points a onto b with scale, as the package's library does it: spreads are made equal."""
    centre_a, centre_b = a.mean(axis=0), b.mean(axis=0)
    spread_a = np.sqrt(((a - centre_a) ** 2).sum() / len(a))
    spread_b = np.sqrt(((b - centre_b) ** 2).sum() / len(b))
    u, _, vt = np.linalg.svd(((b - centre_b) / spread_b).T @ ((a - centre_a) / spread_a))
    middle = np.eye(3) if reflection else np.diag([1, 1, np.linalg.det(u @ vt)])
    turn = spread_b / spread_a * u @ middle @ vt
    return turn, centre_b - turn @ centre_a


def nearest(points, cloud):
    return ((points[:, None] - cloud[None]) ** 2).sum(axis=2).argmin(axis=1)


def slow_h3ds(vertices, landmarks, region_id, truth):
    """The score step by step, all points against all points."""
    rho = {"face_sphere": truth.face_sphere, None: truth.face}[region_id]
    if landmarks is not None:
        names = list(truth.landmarks)
        turn, shift = slow_procrustes(
            np.array([landmarks[n] for n in names]),
            np.array([truth.landmarks[n] for n in names]),
            reflection=False,
        )
        vertices = vertices @ turn.T + shift
    moved, former = truth.vertices[rho], np.inf
    total_turn, total_shift = np.eye(3), np.zeros(3)
    for _ in range(20):
        found = vertices[nearest(moved, vertices)]
        turn, shift = slow_procrustes(moved, found, reflection=True)
        moved = moved @ turn.T + shift
        total_turn, total_shift = turn @ total_turn, turn @ total_shift + shift
        cost = ((moved - found) ** 2).mean()
        if former - cost < 1e-5:
            break
        former = cost
    back = np.linalg.inv(total_turn)
    vertices = (vertices - total_shift) @ back.T
    scored = truth.vertices if region_id is None else truth.vertices[rho]
    return np.linalg.norm(scored - vertices[nearest(scored, vertices)], axis=1).mean()


@pytest.mark.parametrize("with_landmarks", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_both_scores_equal_the_slow_version(
    truth: H3dsTruth, seed: int, with_landmarks: bool
) -> None:
    rng = np.random.default_rng(seed)
    other = truth.vertices * rng.uniform(0.95, 1.05, 3) + rng.normal(0, 0.8, truth.vertices.shape)
    if with_landmarks:
        other = toys.rigid(other, scale=1.2)
    rows = cKDTree(truth.vertices).query(list(truth.landmarks.values()))[1]
    points = dict(zip(truth.landmarks, other[rows], strict=True)) if with_landmarks else None
    found = h3ds_score(truth, other, points)
    face = slow_h3ds(other, points, "face_sphere", truth)
    head = slow_h3ds(other, points, None, truth)
    assert found.face_mm == pytest.approx(face, abs=1e-9)
    assert found.head_mm == pytest.approx(head, abs=1e-9)
    assert found.distances.mean() == found.head_mm
    assert len(found.distances) == len(truth.vertices)


def test_a_head_has_no_error_against_itself(truth: H3dsTruth) -> None:
    for points in (truth.landmarks, None):
        found = h3ds_score(truth, truth.vertices, points)
        assert found.face_mm < 1e-9
        assert found.head_mm < 1e-9


@settings(max_examples=15)
@given(
    st.tuples(*[st.floats(-3.0, 3.0)] * 3),
    st.floats(0.01, 50.0),
    st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_landmarks_make_the_score_blind_to_any_similarity(
    truth: H3dsTruth, angles: tuple, scale: float, shift: tuple
) -> None:
    rng = np.random.default_rng(0)
    other = truth.vertices + rng.normal(0, 0.8, truth.vertices.shape)
    rows = cKDTree(truth.vertices).query(list(truth.landmarks.values()))[1]
    scores = [
        h3ds_score(truth, vertices, dict(zip(truth.landmarks, vertices[rows], strict=True)))
        for vertices in (other, toys.rigid(other, angles, scale) + shift)
    ]
    assert scores[1].face_mm == pytest.approx(scores[0].face_mm, abs=1e-6)
    assert scores[1].head_mm == pytest.approx(scores[0].head_mm, abs=1e-6)


def test_extra_vertices_are_free(truth: H3dsTruth) -> None:
    rng = np.random.default_rng(0)
    floaters = rng.normal(0, 1, (2_000, 3))
    floaters *= 400.0 / np.linalg.norm(floaters, axis=1, keepdims=True)
    found = h3ds_score(truth, np.vstack([truth.vertices, floaters]), truth.landmarks)
    assert found.face_mm < 1e-9
    assert found.head_mm < 1e-9


def test_missing_surface_is_punished(truth: H3dsTruth) -> None:
    half = truth.vertices[truth.vertices[:, 2] > 0]
    found = h3ds_score(truth, half, truth.landmarks)
    assert found.face_mm < 1.0
    assert found.head_mm > 10.0


def test_a_whole_head_is_aligned_on_its_face(truth: H3dsTruth) -> None:
    """The prediction's skull is pushed back from its face: only the skull may be charged for it."""
    other = truth.vertices.copy()
    behind = np.setdiff1d(np.arange(len(other)), truth.face)
    other[behind] += [0.0, 0.0, -12.0]
    found = h3ds_score(truth, other, truth.landmarks)
    assert found.distances[truth.face].mean() < 0.01
    assert found.distances[behind].mean() > 3.0
    everywhere = H3dsTruth(
        truth.vertices, truth.landmarks, np.arange(len(other)), truth.face_sphere
    )
    spread = h3ds_score(everywhere, other, truth.landmarks)
    assert spread.distances[truth.face].mean() > 1.0


def test_a_missing_landmark_is_named(truth: H3dsTruth) -> None:
    points = {name: point for name, point in truth.landmarks.items() if name != "nose_base"}
    with pytest.raises(HeadwaterError, match="nose_base"):
        h3ds_score(truth, truth.vertices, points)


def test_the_landmarks_go_by_name_in_any_order(truth: H3dsTruth) -> None:
    rng = np.random.default_rng(1)
    other = truth.vertices + rng.normal(0, 0.5, truth.vertices.shape)
    turned = dict(reversed(truth.landmarks.items()))
    assert (
        h3ds_score(truth, other, turned).face_mm
        == h3ds_score(truth, other, truth.landmarks).face_mm
    )


def region_score(truth: np.ndarray, region: np.ndarray, vertices: np.ndarray) -> float:
    """Score, mm, of a region that is aligned on itself, from where the prediction lies."""
    return float(region_distances(truth, region, region, cKDTree(vertices)).mean())


def spiral(count: int, radius: float) -> np.ndarray:
    """Evenly spread points on a sphere."""
    k = np.arange(count) + 0.5
    z, angle = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    flat = np.sqrt(1 - z**2)
    return radius * np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)


@pytest.mark.parametrize("vertices", [1_500, 4_000, 9_000])
def test_an_exact_surface_scores_037_of_its_vertex_spacing(vertices: int) -> None:
    dense = spiral(20_011, 90.0)
    region = face_sphere(dense, np.array([0.0, 0.0, 90.0]))
    spacing = np.sqrt(4 * np.pi * 90.0**2 / vertices)
    found = region_score(dense, region, spiral(vertices, 90.0))
    assert found == pytest.approx(0.37 * spacing, rel=0.1)


@pytest.mark.parametrize(
    ("vertices", "expected_mm"), [(5_000, 0.99), (9_400, 0.72), (20_000, 0.49), (35_700, 0.37)]
)
def test_density_alone_costs_what_the_notes_say(vertices: int, expected_mm: float) -> None:
    """An exact disc of 95 mm, its vertices as irregular as a mesh's, against dense truth."""
    rng = np.random.default_rng(0)
    spacing = FACE_RADIUS_MM * np.sqrt(np.pi / vertices)
    steps = np.arange(-110.0, 110.0, spacing)
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    irregular = grid + 0.75 * spacing * rng.uniform(-0.5, 0.5, grid.shape)
    radius, angle = FACE_RADIUS_MM * np.sqrt(rng.random(20_000)), 2 * np.pi * rng.random(20_000)
    truth = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    found = region_score(
        np.pad(truth, ((0, 0), (0, 1))), np.arange(20_000), np.pad(irregular, ((0, 0), (0, 1)))
    )
    assert found == pytest.approx(expected_mm, abs=0.05)


def test_the_steps_are_those_of_the_library_that_the_package_calls(truth: H3dsTruth) -> None:
    """Its newer versions average the residual over points, not coordinates: three times more."""
    rng = np.random.default_rng(5)
    other = truth.vertices * 1.03 + rng.normal(0, 1.0, truth.vertices.shape)
    points = truth.vertices[truth.face_sphere]
    factor = 3 if int(trimesh.__version__.split(".")[0]) >= 5 else 1
    matrix, _, _ = trimesh.registration.icp(points, other, threshold=1e-5 * factor)
    back = trimesh.transform_points(other, np.linalg.inv(matrix))
    expected = cKDTree(back).query(points)[0].mean()
    assert region_score(truth.vertices, truth.face_sphere, other) == pytest.approx(
        expected, abs=1e-9
    )
