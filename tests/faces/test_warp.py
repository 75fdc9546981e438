"""The piecewise-affine warp against a slow, obvious one."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import Delaunay

from headwater.faces.warp import Warp, piecewise_affine

SIZE = 48


def grid(
    seed: int, shake: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]:
    """A grid of points, the same with its inner points moved, and triangles turned alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[4:44:9j, 4:44:9j]
    source = np.stack([x.ravel(), y.ravel()], axis=1) + rng.uniform(-0.5, 0.5, (81, 2))
    inner = ((y > 4) & (y < 44) & (x > 4) & (x < 44)).ravel()
    target = source + inner[:, None] * rng.uniform(-shake, shake, (81, 2))
    triangles = Delaunay(source).simplices
    a, b, c = (source[triangles[:, i]] for i in range(3))
    flipped = np.cross(b - a, c - a) < 0
    triangles[flipped] = triangles[flipped][:, ::-1]
    return source, target, triangles.astype(np.int32)


def warp_of(
    source: NDArray[np.float64], target: NDArray[np.float64], triangles: NDArray[np.int32]
) -> Warp:
    return piecewise_affine(source, target, triangles, np.zeros(len(source)), SIZE, SIZE)


def smooth_image() -> NDArray[np.uint8]:
    y, x = np.mgrid[:SIZE, :SIZE]
    waves = [np.sin(x / 5), np.cos(y / 6), np.sin((x + y) / 7)]
    return np.rint(127 + 100 * np.stack(waves, axis=2)).astype(np.uint8)


@pytest.mark.parametrize(("seed", "shake"), [(0, 0.1), (1, 0.5), (2, 1.0), (3, 1.0)])
def test_against_one_pixel_at_a_time(seed: int, shake: float) -> None:
    source, target, triangles = grid(seed, shake)
    image = smooth_image()
    warp = warp_of(source, target, triangles)
    warped = warp.apply(image)
    np.testing.assert_array_equal(warped[~warp.region], image[~warp.region])
    a, b, c = (target[triangles[:, corner]] for corner in range(3))
    to_weights = np.linalg.inv(np.stack([b - a, c - a], axis=2))
    compared = 0
    for row in range(SIZE):
        for column in range(SIZE):
            weights = np.einsum("tij,tj->ti", to_weights, np.array([column, row]) + 0.5 - a)
            clearly_in = (weights.min(axis=1) > 0.05) & (weights.sum(axis=1) < 0.95)
            for index in np.nonzero(clearly_in)[0]:
                share = np.append(1 - weights[index].sum(), weights[index])
                origin = share @ source[triangles[index]] - 0.5
                expected = [
                    map_coordinates(image[..., k].astype(float), origin[::-1, None], order=1)[0]
                    for k in range(3)
                ]
                assert np.abs(warped[row, column] - expected).max() < 8
                compared += 1
    assert compared > 500


def test_points_that_stay_change_nothing() -> None:
    source, _, triangles = grid(0, 1.0)
    warp = warp_of(source, source.copy(), triangles)
    assert not warp.region.any()
    np.testing.assert_array_equal(warp.apply(smooth_image()), smooth_image())


@pytest.mark.parametrize("seed", range(20))
def test_region_has_no_holes(seed: int) -> None:
    """With the rim unmoved, moved triangles cover what they covered before."""
    source, target, triangles = grid(seed, 1.5)
    before = warp_of(target, source, triangles).region
    after = warp_of(source, target, triangles).region
    assert (before ^ after).sum() <= 2


def test_triangles_that_collapse_or_turn_over_are_left_out() -> None:
    source = np.array([[5.0, 5], [30, 5], [5, 30], [30, 30]])
    triangles = np.array([[0, 1, 2], [1, 3, 2]], dtype=np.int32)
    collapsed = source.copy()
    collapsed[0] = [17.5, 17.5]
    region = warp_of(source, collapsed, triangles).region
    assert not region[6:16, 6:16].any()
    turned = source.copy()
    turned[0] = [28, 28]
    region = warp_of(source, turned, triangles).region
    assert not region.any()


def test_points_outside_the_image_are_allowed() -> None:
    source, target, triangles = grid(3, 1.0)
    warp = warp_of(source - 20, target - 20, triangles)
    assert warp.region.any()
    assert warp.apply(smooth_image()).shape == (SIZE, SIZE, 3)


def test_nearer_triangles_lie_over_farther_ones() -> None:
    source = np.array([[5.0, 5], [25, 5], [5, 25], [25, 20], [45, 20], [25, 40]])
    target = source + np.array([[0, 0]] * 3 + [[-18, -14]] * 3)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], dtype=np.int32)
    target[:3] += 0.5
    image = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
    image[20:, 20:] = 200
    for depths, value in (((1, 0), 200), ((0, 1), 0)):
        depth = np.repeat(np.array(depths, dtype=float), 3)
        warped = piecewise_affine(source, target, triangles, depth, SIZE, SIZE).apply(image)
        assert warped[9, 11, 0] == value
