"""An egg-shaped head with a nose and 478 landmarks on its front, for tests of the scores."""

import numpy as np
import trimesh

from headwater.faces.vocabulary import H3DS_FROM_478

# Where the benchmark's six points and some others lie on the mean toy face, x and y in mm.
PLACES = {
    "right_eye": (-15.0, 30.0),
    "left_eye": (15.0, 30.0),
    "nose_tip": (0.0, 0.0),
    "nose_base": (0.0, -14.0),
    "right_lips": (-24.0, -38.0),
    "left_lips": (24.0, -38.0),
}


def egg(detail: int = 4) -> trimesh.Trimesh:
    """An egg (2,562 vertices at detail 4) with a nose towards +z, mm."""
    mesh = trimesh.creation.icosphere(subdivisions=detail)
    mesh.vertices *= [75.0, 105.0, 90.0]
    bump = np.exp(-((mesh.vertices[:, 0] / 15) ** 2) - (mesh.vertices[:, 1] / 25) ** 2)
    mesh.vertices[:, 2] += np.where(mesh.vertices[:, 2] > 0, 25 * bump, 0)
    return mesh


def landmark_vertices(mesh: trimesh.Trimesh) -> np.ndarray:
    """478 vertices on the front of the mesh, the benchmark's six where they belong."""
    front = np.flatnonzero(mesh.vertices[:, 2] > 20.0)
    rows = np.random.default_rng(0).choice(front, 478)
    for name, place in PLACES.items():
        near = np.linalg.norm(mesh.vertices[front][:, :2] - place, axis=1)
        rows[H3DS_FROM_478[name]] = front[near.argmin()]
    return rows


def rigid(vertices: np.ndarray, angles: tuple = (0.2, -0.3, 0.1), scale: float = 1.0) -> np.ndarray:
    """The vertices turned, shifted and scaled."""
    turn = trimesh.transformations.euler_matrix(*angles)[:3, :3]
    return scale * vertices @ turn.T + [12.0, -7.0, 20.0]
