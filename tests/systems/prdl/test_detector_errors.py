"""Mean errors of landmarks: found again by direction of view, on both sides, and taken off."""

import numpy as np
import pytest
import torch

from headwater.faces.vocabulary import MIRROR_PARTNERS
from headwater.systems.prdl.data import drawn_parts
from headwater.systems.prdl.detector_errors import MISDETECTED_MM, MeanErrors, fitted_errors

POINTS = len(MIRROR_PARTNERS)


def ways(count: int) -> np.ndarray:
    """Directions (n, 3) of views from all sides, of any length."""
    rng = np.random.default_rng(0)
    turns = rng.uniform(-0.7, 0.7, (count, 2))
    return 3.0 * np.column_stack([turns, -np.sqrt(1 - (turns**2).sum(axis=1))])


def usual(way: np.ndarray) -> np.ndarray:
    """Errors (478, 2) mm that grow with the turn and are those of the other side in the mirror."""
    x = way[0] / np.linalg.norm(way)
    across = np.where(np.arange(POINTS) < MIRROR_PARTNERS, 1.0, -1.0)
    across[np.arange(POINTS) == MIRROR_PARTNERS] = 0.0
    return np.column_stack([across + 2 * x, np.full(POINTS, -1.5) + 3 * x * x])


def cameras(directions: np.ndarray) -> torch.Tensor:
    projection = torch.zeros(len(directions), 3, 4)
    projection[:, 2, :3] = torch.from_numpy(directions)
    return projection


def test_errors_are_found_again_below_the_noise() -> None:
    rng = np.random.default_rng(1)
    seen = ways(400)
    found = fitted_errors((way, usual(way) + 2 * rng.normal(size=(POINTS, 2))) for way in seen)
    wanted = np.stack([usual(way) for way in seen])
    error = found.at(cameras(seen)).numpy() - wanted
    assert np.sqrt((error**2).mean()) < 0.2
    assert np.sqrt((wanted**2).mean()) > 1.0


def test_one_side_tells_of_the_other() -> None:
    """Views from the left alone: the mirror images stand for those from the right."""
    seen = ways(800)
    seen[:, 0] = np.abs(seen[:, 0])
    found = fitted_errors((way, usual(way)) for way in seen)
    other = seen * (-1, 1, 1)
    wanted = np.stack([usual(way) for way in other])
    np.testing.assert_allclose(found.at(cameras(other)), wanted, atol=0.25)


def test_misdetected_faces_and_unseen_landmarks_are_left_out() -> None:
    seen = ways(60)
    sound = [(way, usual(way)) for way in seen]
    cut = usual(seen[0])
    cut[5] = np.nan
    wrong = [(seen[0], usual(seen[0]) + 2 * MISDETECTED_MM), (seen[0], cut)]
    assert torch.equal(fitted_errors(sound + wrong).shares, fitted_errors(sound).shares)


@pytest.mark.parametrize("found", [MeanErrors.none(), fitted_errors([])])
def test_without_views_there_are_no_errors(found: MeanErrors) -> None:
    assert not found.at(cameras(ways(3))).any()


def test_a_part_with_an_unseen_landmark_is_not_drawn() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(8, 56, (POINTS, 2))
    whole = drawn_parts(points, 64)
    points[:] = np.nan
    assert whole.any()
    assert not drawn_parts(points, 64).any()
