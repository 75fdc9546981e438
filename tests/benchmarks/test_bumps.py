"""Planted waves: of known shape, and told from what an answer adds to any head."""

import numpy as np
import pytest

from benchmarks.bumps import HEIGHT_MM, Bumped, bumped, response, summary, waves
from headwater.data.scenes import Views
from headwater.faces.vocabulary import NOSE_TIP
from headwater.systems.spiral_gcn.answer import Reconstructed
from tests.rendering.heads import ball_head

MODEL = ball_head()


def test_waves_are_small_and_of_the_skin_round_the_nose_tip() -> None:
    heights = waves(MODEL, MODEL.mean)
    assert 0.0 < np.abs(heights).max() <= HEIGHT_MM
    tip = MODEL.landmarks_478.on(MODEL.mean)[NOSE_TIP]
    assert np.linalg.norm(MODEL.mean[heights != 0] - tip, axis=1).max() < 70.0


def test_the_response_is_the_share_of_the_waves() -> None:
    heights = np.array([1.0, -2.0, 0.5])
    assert response(0.25 * heights, heights) == pytest.approx(0.25)
    assert response(np.zeros(3), heights) == 0.0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_who_adds_the_waves_to_the_waved_head_alone_has_them_all(share: float) -> None:
    """Answers that know which of the two they are shown; what both get is no response."""
    shown: list[Views] = []
    heights = waves(MODEL, MODEL.mean)
    outwards = MODEL.mean / np.linalg.norm(MODEL.mean, axis=1, keepdims=True)

    def answer(views: Views) -> Reconstructed:
        shown.append(views)
        common = 3.0 * outwards
        own = share * heights[:, None] * outwards if len(shown) == 2 else 0.0
        return Reconstructed(MODEL.mean, (MODEL.mean + common + own).astype(np.float32))

    found = bumped(MODEL, MODEL.mean, 0, answer)
    assert found.response == pytest.approx(share, abs=0.15)
    assert (found.detailed < 0.5 * found.coarse) == (share == 1.0)
    assert not np.array_equal(shown[0].images[0], shown[1].images[0])


def test_figures_are_means_over_heads() -> None:
    found = summary([Bumped(4.0, 3.0, 0.5), Bumped(6.0, 3.0, 0.1)])
    assert found["detailed less coarse, degrees"].value == -2.0
    assert found["response to the waves"].value == pytest.approx(0.3)
