"""GLVD's claims on heads whose answer is known by hand."""

import numpy as np
import pytest
import torch

from headwater.data.canonical import to_canonical
from headwater.evaluation.heads.claims import ErrorTable
from headwater.evaluation.heads.trials import Case
from headwater.systems.glvd.claims import SEED, VIEW_COUNTS, VIEWS, claims_of, vertex_errors
from headwater.systems.glvd.train import build
from headwater.systems.glvd.weights import TrainedGlvd
from tests.systems.toy_heads import TOY_CONFIG, toy_cases, toy_heads, toy_template, toy_views


@pytest.fixture(scope="module")
def untrained() -> TrainedGlvd:
    """First weights: last layers are zero, so that the template prior alone speaks."""
    template = toy_template()
    targets = torch.from_numpy(to_canonical(toy_heads(3, seed=1).vertices, template.nose_bridge))
    network = build(TOY_CONFIG, targets, template, 0).eval()
    return TrainedGlvd(network, TOY_CONFIG, template)


def _case(views: int) -> Case:
    heads = toy_heads(1, seed=5)
    return toy_cases(heads, toy_views(heads, views, seed=5))[0]


def test_a_network_that_learned_nothing_answers_the_mean_head(untrained: TrainedGlvd) -> None:
    case = _case(views=6)
    errors = vertex_errors(untrained, case, np.random.default_rng(0))
    mean = errors["mean head"]
    assert mean > 0.5
    assert set(VIEWS.values()) <= set(errors)
    for name, error in errors.items():
        assert error == pytest.approx(mean, abs=0.02), name


def test_a_head_with_few_views_lacks_only_the_conditions_of_more(untrained: TrainedGlvd) -> None:
    case = _case(views=2)
    errors = vertex_errors(untrained, case, np.random.default_rng(0))
    assert "one view" in errors
    assert "three views" not in errors


def _rows(**changes: float) -> list[dict[str, float]]:
    base = {
        "mean head": 3.0,
        **{VIEWS[n]: 1.0 - 0.05 * n for n in VIEW_COUNTS},
        **{f"{VIEWS[n]}, suggested": 1.3 for n in VIEW_COUNTS},
        **{f"step {n}": 1.0 for n in (8, 10, 30)},
        "true keypoints": 0.5,
        "no keypoints": 1.4,
        "keypoints 20 mm off": 2.0,
        "turned view": 1.0,
        **changes,
    }
    scales = np.linspace(0.8, 1.2, 9)
    return [{name: value * scale for name, value in base.items()} for scale in scales]


def test_claims_of_good_heads_hold() -> None:
    claims = {claim.name: claim for claim in claims_of(ErrorTable(_rows(), SEED))}
    assert all(claim.holds for claim in claims.values()), claims
    assert claims["accuracy, one view"].value == pytest.approx(0.95 / 3.0)
    assert claims["accuracy, one view"].low == pytest.approx(0.95 / 3.0)
    assert claims["three views beat one"].value == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("condition", "error", "broken"),
    [
        ("one view", 1.5, "accuracy, one view"),
        ("three views", 1.2, "three views beat one"),
        ("six views", 1.2, "six views are no worse than three"),
        ("turned view", 1.5, "turned views are no worse"),
        ("one view, suggested", 0.95, "the descent improves the suggestion, one view"),
        ("step 10", 1.1, "flat from step 8 on"),
        ("step 30", 1.1, "no drift"),
        ("true keypoints", 1.1, "true keypoints are better than own"),
        ("no keypoints", 0.9, "own keypoints are better than the mean head's"),
        ("keypoints 20 mm off", 1.2, "no keypoints are better than wrong ones"),
    ],
)
def test_each_claim_breaks_with_its_own_condition(
    condition: str, error: float, broken: str
) -> None:
    claims = {
        claim.name: claim for claim in claims_of(ErrorTable(_rows(**{condition: error}), SEED))
    }
    assert not claims[broken].holds


def test_a_condition_that_no_head_has_holds_nothing() -> None:
    rows = [{name: v for name, v in row.items() if name != "six views"} for row in _rows()]
    claims = {claim.name: claim for claim in claims_of(ErrorTable(rows, SEED))}
    assert not claims["accuracy, six views"].holds
    assert claims["accuracy, three views"].holds
