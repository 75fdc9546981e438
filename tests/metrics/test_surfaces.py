"""Fair samples of triangle surfaces."""

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from headwater.geometry.triangles import Triangles
from headwater.metrics.surfaces import MOST_SAMPLES, area_samples


@given(st.floats(0.3, 8.0))
def test_samples_share_the_whole_area(edge_mm: float) -> None:
    mesh = trimesh.creation.box((3.0, 4.0, 5.0))
    points, areas = area_samples(mesh.vertices, mesh.faces, edge_mm)
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
    points, areas = area_samples(vertices, faces, 1.0)
    assert MOST_SAMPLES / 4 < len(points) <= MOST_SAMPLES
    assert areas.sum() == pytest.approx(trimesh.Trimesh(vertices, faces, process=False).area)
