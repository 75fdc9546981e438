"""Dense points and fair samples of triangle surfaces."""

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from headwater.metrics.surfaces import (
    MOST_PIECES,
    MOST_SAMPLES,
    area_samples,
    subdivide,
)
from headwater.metrics.triangles import Triangles


@given(st.floats(0.3, 8.0))
def test_samples_share_the_whole_area(edge_mm: float) -> None:
    mesh = trimesh.creation.box((3.0, 4.0, 5.0))
    points, areas = area_samples(mesh.vertices, mesh.faces, edge_mm)
    assert areas.sum() == pytest.approx(mesh.area)
    assert (np.abs(Triangles(mesh.vertices, mesh.faces).distances(points)) < 1e-9).all()
    np.testing.assert_allclose(np.average(points, axis=0, weights=areas), 0.0, atol=1e-9)


@given(st.floats(0.5, 6.0))
def test_subdividing_covers_the_surface(edge_mm: float) -> None:
    """No place on the surface is further from a point than a triangle with such edges allows."""
    mesh = trimesh.Trimesh([[0, 0, 0], [9, 0, 0], [0, 4, 0], [9, 9, 3]], [[0, 1, 2], [1, 3, 2]])
    points = subdivide(mesh.vertices, mesh.faces, edge_mm)
    assert len(np.unique(points.round(9), axis=0)) == len(points)
    places, _ = area_samples(mesh.vertices, mesh.faces, 0.3)
    gaps = np.linalg.norm(places[:, None] - points[None], axis=2).min(axis=1)
    assert gaps.max() < edge_mm / np.sqrt(2)


def spiked(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A sphere of which some vertices stand metres off: its longest edges are cut thousandfold."""
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=90.0)
    vertices = np.array(mesh.vertices)
    vertices[rng.choice(len(vertices), 5, replace=False)] *= 100.0
    return vertices, mesh.faces


def test_spikes_are_cut_no_finer_than_memory_allows_and_the_rest_as_ever() -> None:
    vertices, faces = spiked(np.random.default_rng(0))
    points = subdivide(vertices, faces)
    assert MOST_PIECES / 4 < len(points) < MOST_PIECES
    long = np.linalg.norm(np.diff(vertices[faces], axis=1), axis=2).max(axis=1) > 50.0
    apart = ~np.isin(faces, faces[long]).any(axis=1)
    plain = subdivide(vertices, faces[apart])
    assert cKDTree(points).query(plain)[0].max() < 1e-9


def test_spikes_have_no_more_samples_than_memory_allows_and_all_of_the_area() -> None:
    vertices, faces = spiked(np.random.default_rng(0))
    points, areas = area_samples(vertices, faces, 1.0)
    assert MOST_SAMPLES / 4 < len(points) <= MOST_SAMPLES
    assert areas.sum() == pytest.approx(trimesh.Trimesh(vertices, faces, process=False).area)
