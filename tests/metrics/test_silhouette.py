"""Silhouettes against a point-in-triangle test."""

import numpy as np
from scipy.spatial import Delaunay

from headwater.metrics.silhouette import silhouette


def test_a_silhouette_covers_the_pixels_whose_centres_lie_in_a_triangle() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(2.0, 60.0, (12, 2))
    triangulation = Delaunay(points)
    covered = silhouette(points, triangulation.simplices, (64, 48))
    assert covered.shape == (48, 64)
    y, x = np.mgrid[:48, :64] + 0.5
    inside = triangulation.find_simplex(np.stack([x, y], axis=-1)) >= 0
    # Only pixels that an edge crosses may be judged differently.
    assert (covered & inside).sum() >= 0.99 * inside.sum()
    assert (covered ^ inside).sum() <= 0.12 * inside.sum()


def test_what_lies_outside_of_the_image_covers_nothing() -> None:
    triangle = np.array([[-30.0, -30.0], [-20.0, -30.0], [-20.0, -20.0]])
    assert not silhouette(triangle, np.array([[0, 1, 2]]), (16, 16)).any()
