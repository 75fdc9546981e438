"""Part IoU as a score of the challenge heads: by the cameras of question and truth, in tables."""

from dataclasses import replace

import numpy as np
import pytest

from headwater.data.scenes import Views, stacked
from headwater.data.tables import template_of
from headwater.evaluation.heads import CHALLENGE
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.parts import part_scores
from headwater.evaluation.heads.trials import HELD_OUT, Case, Trial
from headwater.geometry.cameras import Camera
from headwater.heads.model import Surface
from headwater.metrics.benchmark import BenchmarkRow, TruthHead
from headwater.metrics.part_iou import AVERAGE, NAMES
from headwater.metrics.strata import ESTIMATED
from headwater.metrics.summary import summarise
from tests.rendering.heads import ball_head, front_camera

BALL = ball_head()
TEMPLATE = template_of(BALL)
SIDE = 96


def trial(seen_by: Camera, **changes: object) -> Trial:
    """The ball seen by a camera."""
    skin = BALL.faces[BALL.surface == Surface.SKIN]
    truth = TruthHead("ball", BALL.mean, skin, BALL.landmarks_478.on(BALL.mean))
    views = Views(
        (np.zeros((SIDE, SIDE, 3), np.uint8),),
        (np.zeros((SIDE, SIDE), np.uint8),),
        *stacked([seen_by]),
        np.zeros((1, 478, 2), np.float32),
        np.zeros(1, np.int32),
        np.array(["test"]),
        np.zeros(1, bool),
    )
    case = Case(HELD_OUT, truth, views, ("frontal",), template=TEMPLATE)
    return Trial(replace(case, **changes), views)


def answer(shift_mm: float = 0.0) -> HeadAnswer:
    return HeadAnswer(TEMPLATE, BALL.mean + np.array([shift_mm, 0, 0], np.float32))


def test_the_true_head_has_all_of_it_and_a_shifted_one_less_the_farther() -> None:
    asked = trial(front_camera(SIDE))
    scores = [part_scores(asked, answer(shift)) for shift in (0.0, 3.0, 8.0)]
    assert set(scores[0]) == {AVERAGE, *NAMES}
    assert set(scores[0].values()) == {100.0}
    assert 100 > scores[1][AVERAGE] > scores[2][AVERAGE] > 0


def test_an_error_of_the_estimated_camera_counts() -> None:
    exact = front_camera(SIDE)
    moved = replace(exact, K=exact.K + np.array([[0, 0, 3.0], [0, 0, 0], [0, 0, 0]]))
    estimated = trial(moved, camera=ESTIMATED, exact=exact)
    assert part_scores(estimated, answer())[AVERAGE] < 95
    assert part_scores(trial(moved), answer())[AVERAGE] == 100


def test_without_the_truths_topology_or_camera_there_is_no_score() -> None:
    camera = front_camera(SIDE)
    assert part_scores(trial(camera, template=None), answer()) == {}
    assert part_scores(trial(camera, camera=ESTIMATED), answer()) == {}


def test_the_challenge_names_them_and_figures_have_their_means() -> None:
    own = {one.name: one for one in CHALLENGE.metrics}
    assert {AVERAGE, *NAMES} <= set(own)
    assert not any(own[name].lower_is_better for name in (AVERAGE, *NAMES))
    rows = [
        BenchmarkRow(str(i), "x", 1, 0.0, 0.0, parts_iou={AVERAGE: value})
        for i, value in enumerate((60.0, 80.0))
    ]
    assert summarise(rows)[AVERAGE] == pytest.approx(70.0)
    assert "nose_iou" not in summarise(rows)
