"""Random points on, near and around a head's surface."""

from typing import Final, NamedTuple

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

# GLVD section 2.8 (inferred there): 50 % of all samples with a sigma of 5 mm, 25 % with 1 mm, and
# 25 % in the box; so two of three near samples are wide.
WIDE_SIGMA_MM: Final = 5.0
NARROW_SIGMA_MM: Final = 1.0
WIDE_SHARE_OF_NEAR: Final = 2.0 / 3.0
BOX_HALF_EDGE_MM: Final = 150.0

Float64Array = NDArray[np.float64]


class Samples(NamedTuple):
    """Points (n, 3) float64 mm in the head frame; near (n,) bool, those near the surface first."""

    points: Float64Array
    near: NDArray[np.bool_]


def surface_points(
    vertices: ArrayLike,
    faces: ArrayLike,
    count: int,
    rng: np.random.Generator,
) -> Float64Array:
    """``count`` points (count, 3), uniform by area on the mesh (V, 3), (F, 3), in its unit."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    points, _ = trimesh.sample.sample_surface(mesh, count, seed=rng)
    return np.asarray(points, dtype=np.float64)


def near_surface_points(
    vertices: ArrayLike,
    faces: ArrayLike,
    count: int,
    rng: np.random.Generator,
) -> Float64Array:
    """``count`` points (count, 3) mm: surface points moved by the two normal distributions."""
    wide = round(count * WIDE_SHARE_OF_NEAR)
    sigma = np.where(np.arange(count) < wide, WIDE_SIGMA_MM, NARROW_SIGMA_MM)
    points = surface_points(vertices, faces, count, rng)
    offsets: Float64Array = rng.normal(size=(count, 3)) * sigma[:, None]
    return points + offsets


def box_points(count: int, rng: np.random.Generator) -> Float64Array:
    """``count`` points (count, 3) mm, uniform in the cube of +-150 mm around the head's origin."""
    return rng.uniform(-BOX_HALF_EDGE_MM, BOX_HALF_EDGE_MM, size=(count, 3))


def sdf_sample_points(
    vertices: ArrayLike,
    faces: ArrayLike,
    count: int,
    near_share: float,
    rng: np.random.Generator,
) -> Samples:
    """Points to sample the distance to a head at: ``near_share`` near it, the rest in the box."""
    near = round(count * near_share)
    points = np.concatenate(
        [near_surface_points(vertices, faces, near, rng), box_points(count - near, rng)]
    )
    return Samples(points, np.arange(count) < near)
