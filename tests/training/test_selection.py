"""Weights chosen by their error on the validation split."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from headwater.training.loop import Plan
from headwater.training.selection import Validation
from tests.training.small_training import STEPS, Killed, adding, network, run, train, weights

INPUTS = torch.randn(64, 4, generator=torch.Generator().manual_seed(8))


def noisy_error(model: nn.Module) -> float:
    """The mean error of sums, with noise so that the last weights are seldom the best."""
    assert not model.training
    assert not torch.is_grad_enabled()
    error = float((model(INPUTS)[:, 0] - INPUTS.sum(dim=1)).abs().mean())
    return error + 0.5 * math.sin(1e6 * error)


def validated(
    folder: Path, error: Callable[[nn.Module], float] = noisy_error, **options: object
) -> tuple[nn.Module, list[dict[str, float]]]:
    return run(folder, validation=Validation(10, error), **options)


def test_the_weights_of_least_error_are_kept(tmp_path: Path) -> None:
    states: list[bytes] = []

    def error(model: nn.Module) -> float:
        states.append(weights(model))
        return noisy_error(model)

    chosen, curve = validated(tmp_path, error)
    errors = [record["validation"] for record in curve]
    best = errors.index(min(errors))
    assert best < len(errors) - 1
    assert weights(chosen) == states[best]
    assert not chosen.training


def test_validation_changes_nothing_of_the_training_itself(tmp_path: Path) -> None:
    def drawing(model: nn.Module) -> float:
        return float(torch.rand(()))

    _, plain = run(tmp_path / "plain")
    _, curve = validated(tmp_path / "validated", drawing)
    without = [{k: v for k, v in one.items() if k != "validation"} for one in curve]
    assert without == plain


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("average", [None, 0.9])
def test_killed_at_any_step_it_selects_the_same_weights(
    tmp_path: Path, average: float | None
) -> None:
    plan = Plan(20, checkpoint_every=4, log_every=2)
    options = {"plan": plan, "average": average, "validation": Validation(2, noisy_error)}
    whole, whole_curve = run(tmp_path / "whole", **options)
    for killed_at in range(plan.steps):
        folder = tmp_path / f"killed-{killed_at}"
        with pytest.raises(Killed):
            run(folder, killed_at=killed_at, **options)
        resumed, curve = run(folder, **options)
        assert curve == whole_curve
        assert weights(resumed) == weights(whole)


def test_killed_after_its_last_step_it_selects_the_same_weights(tmp_path: Path) -> None:
    whole, whole_curve = validated(tmp_path)
    again, curve = validated(tmp_path)
    assert (weights(again), curve) == (weights(whole), whole_curve)


def test_errors_that_are_no_numbers_select_nothing(tmp_path: Path) -> None:
    last, _ = run(tmp_path / "plain")
    for place, error in enumerate((math.nan, math.inf)):
        chosen, _ = validated(tmp_path / str(place), lambda model, error=error: error)
        assert weights(chosen) == weights(last)


def test_the_first_of_equal_errors_is_kept(tmp_path: Path) -> None:
    chosen, _ = validated(tmp_path / "equal", lambda model: 1.0)
    first = network()
    stopped = Plan(STEPS, checkpoint_every=10)
    with pytest.raises(Killed):
        train(first, [adding(first, killed_at=10)], tmp_path / "first", plan=stopped)
    assert weights(chosen) == weights(first)


def test_the_last_weights_are_validated_too(tmp_path: Path) -> None:
    model = network()
    plan = Plan(15, checkpoint_every=20)
    curve = train(
        model, [adding(model)], tmp_path, plan=plan, validation=Validation(10, noisy_error)
    )
    assert [record["step"] for record in curve if "validation" in record] == [10, 15]


def test_a_validation_between_two_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multiple of 10"):
        run(tmp_path, validation=Validation(15, noisy_error))
