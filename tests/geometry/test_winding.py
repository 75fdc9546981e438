"""Winding numbers by rays against sums of solid angles, and what counts as closed."""

from pathlib import Path

import igl
import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from headwater.geometry.winding import DIRECTION, is_closed, winding_numbers

SPHERE = trimesh.creation.icosphere(subdivisions=3, radius=100.0)


def solid_angles(
    points: NDArray[np.float64], vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Winding numbers (n,) as sums of solid angles (van Oosterom and Strackee 1983)."""
    a, b, c = (vertices[faces[:, k]] - points[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=2) for x in (a, b, c))
    volume = np.einsum("nfk,nfk->nf", a, np.cross(b, c))
    edges = (
        la * lb * lc
        + np.einsum("nfk,nfk->nf", a, b) * lc
        + np.einsum("nfk,nfk->nf", b, c) * la
        + np.einsum("nfk,nfk->nf", c, a) * lb
    )
    return np.arctan2(volume, edges).sum(axis=1) / (2.0 * np.pi)


def test_closed_is_what_has_no_border_and_one_orientation() -> None:
    faces = np.array(SPHERE.faces)
    assert is_closed(faces)
    assert not is_closed(faces[1:])
    assert not is_closed(np.vstack([faces[:1, ::-1], faces[1:]]))
    assert is_closed(np.vstack([faces, faces + len(SPHERE.vertices)]))
    # Two tetrahedra that share one edge, which four faces meet.
    first = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])
    second = np.array([0, 1, 4, 5])[first]
    assert is_closed(np.vstack([first, second]))


def test_overlapping_and_inverted_shells_add_up() -> None:
    vertices = np.vstack(
        [SPHERE.vertices, SPHERE.vertices * 0.5, SPHERE.vertices + np.array([120, 0, 0])]
    )
    count = len(SPHERE.vertices)
    faces = np.vstack(
        [SPHERE.faces, SPHERE.faces[:, ::-1] + count, SPHERE.faces + 2 * count]
    ).astype(np.int64)
    points = np.random.default_rng(0).uniform(-150, 260, size=(300, 3))
    found, sure = winding_numbers(points, vertices, faces)
    expected = solid_angles(points, vertices, faces)
    assert sure.all()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert set(found.tolist()) == {0, 1, 2}


def test_points_on_a_line_through_a_vertex_are_sure_or_said_not_to_be() -> None:
    vertex = SPHERE.vertices[17]
    points = vertex + np.linspace(-300, 300, 401)[:, None] * DIRECTION
    found, sure = winding_numbers(points, SPHERE.vertices, np.array(SPHERE.faces))
    np.testing.assert_array_equal(
        found[sure], np.rint(solid_angles(points[sure], SPHERE.vertices, SPHERE.faces))
    )


@pytest.mark.parametrize("name", ["nefertiti.ply", "spot.ply", "goathead.ply", "wingnut.ply"])
def test_scans_agree_with_the_fast_winding_number_everywhere(shared_data: Path, name: str) -> None:
    mesh = trimesh.load(shared_data / "meshes" / name, process=False)
    vertices = np.ascontiguousarray(mesh.vertices * (200.0 / mesh.extents.max()))
    faces = np.ascontiguousarray(mesh.faces, dtype=np.int64)
    assert is_closed(faces)
    rng = np.random.default_rng(1)
    near = vertices[rng.integers(len(vertices), size=10_000)] + rng.normal(size=(10_000, 3))
    box = rng.uniform(vertices.min(axis=0), vertices.max(axis=0), size=(10_000, 3))
    points = np.concatenate([near, box])
    found, sure = winding_numbers(points, vertices, faces)
    assert sure.mean() > 0.999
    fast = igl.fast_winding_number(vertices, faces, points)
    np.testing.assert_array_equal(found[sure], np.rint(fast[sure]))
