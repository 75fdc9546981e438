"""Fair samples of triangle surfaces."""

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from headwater.geometry.triangles import Triangles
from headwater.metrics import surfaces
from headwater.metrics.surfaces import MOST_SAMPLES, area_samples, pieces_near


@given(st.floats(0.3, 8.0))
def test_samples_share_the_whole_area(edge_mm: float) -> None:
    mesh = trimesh.creation.box((3.0, 4.0, 5.0))
    points, areas = area_samples(mesh.triangles, edge_mm)
    assert areas.sum() == pytest.approx(mesh.area)
    assert (np.abs(Triangles(mesh.vertices, mesh.faces).distances(points)) < 1e-9).all()
    np.testing.assert_allclose(np.average(points, axis=0, weights=areas), 0.0, atol=1e-9)


def spiked(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A sphere of which some vertices stand metres off: its longest edges are cut thousandfold."""
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=90.0)
    vertices = np.array(mesh.vertices)
    vertices[rng.choice(len(vertices), 5, replace=False)] *= 100.0
    return vertices, mesh.faces


def test_spikes_have_no_more_samples_than_memory_allows_and_all_of_the_area() -> None:
    vertices, faces = spiked(np.random.default_rng(0))
    points, areas = area_samples(vertices[faces], 1.0)
    assert MOST_SAMPLES / 4 < len(points) <= MOST_SAMPLES
    assert areas.sum() == pytest.approx(trimesh.Trimesh(vertices, faces, process=False).area)


def area(triangles: np.ndarray) -> float:
    sides = triangles[:, 1:] - triangles[:, :1]
    return float(0.5 * np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum())


@given(size=st.sampled_from([1.0, 300.0, 1e5]), seed=st.integers(0, 2**32 - 1))
def test_near_pieces_are_short_and_make_up_all_that_is_near(size: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    triangles = size * rng.normal(size=(8, 3, 3))
    centre = triangles[0].mean(axis=0)
    pieces = pieces_near(triangles, centre, 95.0)
    edges = np.linalg.norm(pieces - np.roll(pieces, 1, axis=1), axis=2)
    whole = (pieces[:, None] == triangles).all(axis=(2, 3)).any(axis=1)
    assert (whole | (edges.max(axis=1) <= 95.0)).all()
    assert area(pieces) <= area(triangles) * (1 + 1e-9)
    # Points of the triangles near the centre lie on a piece, and no piece leaves them.
    weights = rng.dirichlet(np.ones(3), 500)
    points = np.einsum("nk,fkc->nfc", weights, triangles).reshape(-1, 3)
    near = points[np.linalg.norm(points - centre, axis=1) < 95.0]
    numbers = np.arange(3 * len(pieces)).reshape(-1, 3)
    distances = Triangles(pieces.reshape(-1, 3), numbers).distances(near)
    np.testing.assert_allclose(distances, 0.0, atol=1e-9 * max(1.0, size))


@pytest.mark.fault("any prediction is judged within a bound on memory and time")
def test_pieces_are_no_more_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    triangles = 300.0 * np.random.default_rng(0).normal(size=(300, 3, 3))
    plenty = len(pieces_near(triangles, np.zeros(3), 95.0))
    monkeypatch.setattr(surfaces, "MOST_SAMPLES", plenty // 4)
    assert 0 < len(pieces_near(triangles, np.zeros(3), 95.0)) <= plenty // 2


def test_nothing_near_has_no_pieces() -> None:
    assert pieces_near(np.ones((4, 3, 3)), np.full(3, 500.0), 95.0).shape == (0, 3, 3)
