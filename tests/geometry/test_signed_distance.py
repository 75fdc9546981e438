"""Signed distances against closed forms, slow references and real meshes."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from headwater.errors import HeadwaterError
from headwater.geometry.sampling import surface_points
from headwater.geometry.signed_distance import signed_distance

HALF_EDGES_MM = np.array([70.0, 110.0, 90.0])
BOX = trimesh.creation.box(2 * HALF_EDGES_MM)
SPHERE = trimesh.creation.icosphere(subdivisions=4, radius=100.0)
CLOSED_SCANS = ("nefertiti.ply", "spot.ply", "goathead.ply", "wingnut.ply")


def box_distance(points: NDArray[np.float64]) -> NDArray[np.float64]:
    beyond = np.abs(points) - HALF_EDGES_MM
    outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
    return outside + np.minimum(beyond.max(axis=1), 0.0)


def triangle_distance(point: NDArray[np.float64], mesh: trimesh.Trimesh) -> float:
    closest = trimesh.triangles.closest_point(
        mesh.triangles, np.broadcast_to(point, (len(mesh.faces), 3))
    )
    return float(np.linalg.norm(closest - point, axis=1).min())


def open_head() -> trimesh.Trimesh:
    """A sphere cut open below, as a head is at its neck."""
    keep = SPHERE.triangles_center[:, 1] > -60.0
    return trimesh.Trimesh(SPHERE.vertices, SPHERE.faces[keep], process=False)


@given(arrays(np.float64, (20, 3), elements=st.floats(-200.0, 200.0)))
@settings(max_examples=50, deadline=None)
def test_box_has_its_closed_form_everywhere(points: NDArray[np.float64]) -> None:
    expected = box_distance(points)
    found = signed_distance(points, BOX.vertices, BOX.faces)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


def test_sphere_is_exact_above_its_vertices() -> None:
    directions = SPHERE.vertices / 100.0
    for radius in (100.5, 130.0, 300.0):
        found = signed_distance(directions * radius, SPHERE.vertices, SPHERE.faces)
        np.testing.assert_allclose(found, radius - 100.0, rtol=1e-6)


def test_sphere_lies_within_the_sagitta_of_its_facets() -> None:
    points = np.random.default_rng(0).uniform(-180, 180, size=(5000, 3))
    found = signed_distance(points, SPHERE.vertices, SPHERE.faces)
    excess = found - (np.linalg.norm(points, axis=1) - 100.0)
    facet_distance = np.abs(np.einsum("ij,ij->i", SPHERE.face_normals, SPHERE.triangles_center))
    assert excess.min() > -1e-4
    assert excess.max() < 100.0 - facet_distance.min() + 1e-4


def test_open_mesh_keeps_the_unsigned_distance_exactly() -> None:
    mesh = open_head()
    points = np.random.default_rng(1).uniform(-150, 150, size=(60, 3))
    expected = [triangle_distance(point, mesh) for point in points]
    found = signed_distance(points, mesh.vertices, mesh.faces)
    np.testing.assert_allclose(np.abs(found), expected, rtol=1e-6)
    assert (found < 0).any()
    assert (found > 0).any()


def test_turned_patch_changes_no_magnitude_and_no_sign_off_the_patch() -> None:
    faces = np.array(SPHERE.faces)
    patch = SPHERE.triangles_center[:, 2] > 99.0
    assert 5 < patch.sum() < 200
    faces[patch] = faces[patch][:, ::-1]
    points = np.random.default_rng(2).uniform(-150, 150, size=(20_000, 3))
    whole = signed_distance(points, SPHERE.vertices, SPHERE.faces)
    turned = signed_distance(points, SPHERE.vertices, faces)
    np.testing.assert_array_equal(np.abs(turned), np.abs(whole))
    far = np.linalg.norm(points - [0.0, 0.0, 100.0], axis=1) > 30.0
    np.testing.assert_array_equal(np.sign(turned[far]), np.sign(whole[far]))


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_mesh_turned_inside_out_is_refused(share: float) -> None:
    """No point would lie in it, closed or open; the same mesh as it should be has one."""
    kept = SPHERE.vertices[SPHERE.faces].mean(axis=1)[:, 2] < 100 * (2 * share - 1) + 1
    faces = SPHERE.faces[kept]
    assert signed_distance([[0.0, 0.0, -20.0]], SPHERE.vertices, faces)[0] < 0
    with pytest.raises(HeadwaterError, match=r"signed distance: the mesh is turned inside out"):
        signed_distance([[0.0, 0.0, -20.0]], SPHERE.vertices, faces[:, ::-1])


def test_mesh_far_from_the_origin_is_as_exact() -> None:
    points = np.random.default_rng(3).uniform(-150, 150, size=(2000, 3))
    here = signed_distance(points, SPHERE.vertices, SPHERE.faces)
    there = signed_distance(points + 5e4, SPHERE.vertices + 5e4, SPHERE.faces)
    np.testing.assert_allclose(there, here, atol=1e-5)


def test_degenerate_and_doubled_faces_change_nothing() -> None:
    faces = np.vstack([BOX.faces, [[0, 0, 1], [2, 2, 2]]])
    points = np.random.default_rng(4).uniform(-150, 150, size=(500, 3))
    np.testing.assert_allclose(
        signed_distance(points, BOX.vertices, faces), box_distance(points), rtol=1e-6, atol=1e-5
    )


def test_no_points_give_no_distances() -> None:
    assert signed_distance(np.zeros((0, 3)), BOX.vertices, BOX.faces).shape == (0,)


@pytest.mark.parametrize("name", CLOSED_SCANS)
def test_sign_agrees_with_ray_casting_on_scans(shared_data: Path, name: str) -> None:
    mesh = trimesh.load(shared_data / "meshes" / name, process=False)
    mesh.apply_scale(200.0 / mesh.extents.max())
    rng = np.random.default_rng(5)
    near = surface_points(mesh.vertices, mesh.faces, 1500, rng)
    points = np.concatenate(
        [near + rng.normal(scale=3.0, size=near.shape), rng.uniform(*mesh.bounds, size=(1500, 3))]
    )
    inside = signed_distance(points, mesh.vertices, mesh.faces) < 0
    by_rays = mesh.contains(points)
    assert 0.1 < inside.mean() < 0.9
    # trimesh shoots one ray per point, which miscounts now and then.
    assert (inside == by_rays).mean() > 0.998


def replaced(array: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    changed = np.array(array, dtype=np.float64)
    changed[1, 2] = value
    return changed


POINT = np.zeros((1, 3))


@pytest.mark.parametrize(
    ("points", "vertices", "faces", "complaint"),
    [
        (POINT, BOX.vertices, np.zeros((0, 3), int), "no faces"),
        (POINT, BOX.vertices, [[0, 1, 8]], "names vertex 8"),
        (POINT, BOX.vertices, [[0, 1, -1]], "names vertex -1"),
        (POINT, BOX.vertices, [[0.0, 1.0, 2.0]], "not float64"),
        (POINT, BOX.vertices, [[0, 1, 2, 3]], "faces"),
        (POINT, BOX.vertices[:, :2], BOX.faces, "vertices"),
        (POINT, replaced(BOX.vertices, np.nan), BOX.faces, "vertices that are not finite"),
        (POINT, replaced(BOX.vertices, np.inf), BOX.faces, "vertices that are not finite"),
        (POINT * np.nan, BOX.vertices, BOX.faces, "points that are not finite"),
        (np.zeros(3), BOX.vertices, BOX.faces, "points"),
    ],
)
def test_unusable_input_is_refused_by_name(
    points: object, vertices: object, faces: object, complaint: str
) -> None:
    with pytest.raises(HeadwaterError, match=complaint):
        signed_distance(points, vertices, faces)  # type: ignore[arg-type]
