"""Benchmarks' errors of heads under several conditions."""

import numpy as np
import pytest

from benchmarks.face_errors import summary
from benchmarks.switches import vertex_error
from headwater.metrics.benchmark import TruthHead
from tests.systems.toy_heads import toy_cases, toy_heads, toy_views

ROWS = [
    {"mean head": 2.0, "ours": 1.0},
    {"mean head": 4.0, "ours": 1.0},
    {"mean head": 3.0, "ours": float("nan")},
]


def test_ratios_are_over_heads_that_all_could_judge_and_failures_are_counted() -> None:
    found = summary(ROWS, 0)
    assert found["ours"]["mm"] == pytest.approx(1.0)
    assert found["ours"]["ratio"] == pytest.approx(1.0 / 3.0, abs=1e-3)
    assert found["mean head"]["mm"] == pytest.approx(3.0)
    assert [found[name]["failures"] for name in ("mean head", "ours")] == [0, 1]
    assert found["ours"]["ratio_low"] <= found["ours"]["ratio"] <= found["ours"]["ratio_high"]


def test_vertices_are_compared_where_they_belong_whatever_the_place() -> None:
    heads = toy_heads(1, seed=0)
    truth: TruthHead = toy_cases(heads, toy_views(heads, 1, seed=1))[0].truth
    vertices = truth.vertices.astype(np.float64)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert vertex_error(vertices @ turn.T + 30.0, truth) == pytest.approx(0.0, abs=1e-3)
    shuffled = vertices[np.random.default_rng(0).permutation(len(vertices))]
    assert vertex_error(shuffled, truth) > 20.0
