"""An ellipsoid seen by a camera of known pose: a face whose depth and codes are known exactly."""

from dataclasses import dataclass

import numpy as np
import trimesh

from headwater.data.face_codes import FaceCut

HALF_AXES = np.array([70.0, 95.0, 60.0])
DISTANCE_MM = 1000.0
FILLED = 0.8


@dataclass(frozen=True)
class Seen:
    """An ellipsoid of finely cut triangles: px (n, 2) and depth (n,) mm of its vertices."""

    cut: FaceCut
    pixels: np.ndarray
    depth: np.ndarray
    focal: float
    side: int

    @property
    def projection(self) -> np.ndarray:
        """(3, 4), canonical units (100 mm) to px: the head looks at the camera, upright."""
        middle = self.side / 2
        z = DISTANCE_MM / 100.0
        return np.array(
            [
                [self.focal, 0.0, -middle, middle * z],
                [0.0, -self.focal, -middle, middle * z],
                [0.0, 0.0, -1.0, z],
            ]
        )


def seen(side: int, subdivisions: int = 5) -> Seen:
    """The ellipsoid in the middle of an image of ``side`` px, of which it fills 80 %."""
    ball = trimesh.creation.icosphere(subdivisions=subdivisions)
    vertices = ball.vertices * HALF_AXES
    cut = FaceCut(
        np.arange(len(vertices)), ball.faces.astype(np.int32), vertices.astype(np.float32)
    )
    focal = FILLED * side * DISTANCE_MM / (2 * HALF_AXES[1])
    depth = DISTANCE_MM - vertices[:, 2]
    across = np.stack([vertices[:, 0], -vertices[:, 1]], axis=1)
    return Seen(cut, focal * across / depth[:, None] + side / 2, depth, focal, side)


def exact(scene: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Places (S, S, 3) mm on the ellipsoid that rays through pixel centres meet, and where."""
    centres = np.arange(scene.side) + 0.5 - scene.side / 2
    x, y = np.meshgrid(centres / scene.focal, -centres / scene.focal)
    # (x t, y t, d - t) on the ellipsoid: a t^2 + b t + c = 0.
    p, q, r = HALF_AXES
    a = (x / p) ** 2 + (y / q) ** 2 + 1 / r**2
    b, c = -2 * DISTANCE_MM / r**2, (DISTANCE_MM / r) ** 2 - 1
    inside = b**2 - 4 * a * c
    hit = inside > 0
    t = (-b - np.sqrt(np.where(hit, inside, 0.0))) / (2 * a)
    return np.stack([x * t, y * t, DISTANCE_MM - t], axis=-1), hit
