"""Point sets of parts: pixels, farthest points, one point per cell."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headwater.metrics.silhouette import silhouette
from headwater.systems.prdl.part_distances import PartTargets
from headwater.systems.prdl.point_sets import (
    cell_points,
    farthest_points,
    pixel_centres,
    pixels_of,
)
from tests.systems.prdl.slow_prdl import ellipse_mask, pixel_grid, slow_farthest_points


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_pixels_are_points_at_their_centres() -> None:
    mask = np.zeros((4, 6), dtype=bool)
    mask[1, 5] = mask[3, 0] = True
    assert pixel_centres(mask).tolist() == [[5.5, 1.5], [0.5, 3.5]]
    assert pixel_centres(np.zeros((4, 6), dtype=bool)).shape == (0, 2)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 60),
    size=st.integers(1, 80),
    lattice=st.booleans(),
)
def test_farthest_points_are_those_of_plain_python(
    seed: int, count: int, size: int, lattice: bool
) -> None:
    places = rng(seed).uniform(0, 30, (size, 2))
    # On so few pixels some points coincide.
    points = np.floor(places / 3) + 0.5 if lattice else places
    found = farthest_points(points, count, rng(seed))
    if count >= size:
        assert found.tolist() == list(range(size))
        return
    assert found.tolist() == slow_farthest_points(points, count, rng(seed)).tolist()
    assert len(set(found.tolist())) == count


def test_every_prefix_is_a_sample() -> None:
    points = pixel_centres(ellipse_mask(40, (20, 20), (15, 12)))
    whole = farthest_points(points, 200, rng())
    assert farthest_points(points, 50, rng()).tolist() == whole[:50].tolist()


def test_ties_are_broken_at_random_and_not_from_one_side() -> None:
    points = pixel_centres(np.ones((40, 40), dtype=bool))
    means = [points[farthest_points(points, 700, rng(seed))].mean(axis=0) for seed in range(12)]
    assert len({tuple(mean) for mean in means}) == 12
    assert np.abs(np.mean(means, axis=0) - 20).max() < 0.25


@pytest.mark.parametrize("jitter", [0.0, 0.4])
def test_a_cell_keeps_the_point_nearest_to_its_middle(jitter: float) -> None:
    points = pixel_centres(ellipse_mask(31, (15, 14), (13, 9)))
    points = points + rng(1).uniform(-jitter, jitter, points.shape)
    rows = cell_points(points, rng())
    kept: dict[tuple[int, int], float] = {}
    for x, y in points:
        cell, away = (int(x // 2), int(y // 2)), (x % 2 - 1) ** 2 + (y % 2 - 1) ** 2
        kept[cell] = min(kept.get(cell, np.inf), away)
    assert len(rows) == len(kept)
    assert rows.tolist() == sorted(rows.tolist())
    for x, y in points[rows]:
        away = (x % 2 - 1) ** 2 + (y % 2 - 1) ** 2
        assert away == pytest.approx(kept.pop((int(x // 2), int(y // 2))))


def test_which_of_four_pixels_a_cell_keeps_is_random() -> None:
    points = pixel_centres(np.ones((60, 60), dtype=bool))
    mean = points[cell_points(points, rng())].mean(axis=0)
    assert np.abs(mean - 30).max() < 0.1


def test_sampled_pixels_are_pixels_of_the_mask() -> None:
    mask = ellipse_mask(30, (15, 14), (9, 5))
    rows = farthest_points(pixel_centres(mask), 20, rng())
    kept = pixels_of(rows, mask)
    assert kept.sum() == 20
    assert not (kept & ~mask).any()
    assert np.array_equal(pixel_centres(kept), pixel_centres(mask)[np.sort(rows)])


# Skin of a turned head keeps its mean distances, if sampled in the image.


def turned_cap(
    degrees: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Of a cap of 9,600 vertices at a yaw: points px, which are seen, and the mask."""
    down, around = np.meshgrid(np.linspace(-1.35, 1.35, 80), np.linspace(-1.4, 1.4, 120))
    x, y = np.sin(around) * np.cos(down), np.sin(down)
    # As on a head, vertices are several times denser in the middle of the face.
    x = np.sign(x) * np.abs(x) ** 1.5
    z = np.sqrt(1 - x**2 - y**2)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    points = np.stack([80 + 45 * (x * cosine + z * sine), 80 + 60 * y], axis=-1).reshape(-1, 2)
    seen = (z * cosine - x * sine).ravel() > 0
    first = np.arange(9600).reshape(120, 80)[:-1, :-1].ravel()
    quads = first[:, None] + [0, 80, 81, 1]
    quads = quads[seen[quads].all(axis=1)]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return points, seen, silhouette(points, triangles, (160, 160))


def mean_apart(points: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """Mean square over pixels, px², of the difference in f_ave of points and of a mask."""
    targets = PartTargets.of_masks(mask[None], dtype=torch.float64).descriptors[0, 2]
    found = torch.cdist(pixel_grid(*mask.shape)[::9], torch.from_numpy(points)).mean(dim=1)
    return float((found - targets.flatten()[::9]).square().mean())


@pytest.mark.parametrize("degrees", [0, 25, 45])
def test_samples_in_the_image_keep_the_mean_distance_of_the_mask(degrees: int) -> None:
    points, seen, mask = turned_cap(degrees)
    points, pixels = points[seen], pixel_centres(mask)
    apart = {
        "points": mean_apart(points[farthest_points(points, 2500, rng())], mask),
        "pixels": mean_apart(pixels[farthest_points(pixels, 2500, rng())], mask),
        "cells": mean_apart(points[cell_points(points, rng())], mask),
        "cells of pixels": mean_apart(pixels[cell_points(pixels, rng())], mask),
    }
    assert max(apart.values()) < 2, apart
    assert mean_apart(points, mask) > 2 * max(apart.values())


def test_points_chosen_once_on_the_mesh_do_not() -> None:
    frontal, seen, _ = turned_cap(0)
    front = np.flatnonzero(seen)
    chosen = front[farthest_points(frontal[front], 2500, rng())]
    points, seen, mask = turned_cap(45)
    assert mean_apart(points[chosen[seen[chosen]]], mask) > 2
