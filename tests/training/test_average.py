"""The moving average of weights, against one worked out step by step in double precision."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headwater.training.checkpoint import read_safetensors
from headwater.training.loop import Plan
from headwater.training.schedules import Rate
from headwater.training.selection import Validation
from headwater.training.turns import Turn
from tests.training.small_training import Killed, adding, network, run, train, weights


def weights_of_steps(folder: Path) -> list[dict[str, np.ndarray]]:
    """The weights after each step of the small training, without an average."""
    model = network()
    states: list[dict[str, np.ndarray]] = []
    turn = adding(model)

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        states.append(as_doubles(model))
        return turn.losses(step, generator)

    train(model, [Turn(turn.optimizer, losses, turn.rate, turn.gradient_norm)], folder)
    return [*states[1:], as_doubles(model)]


def as_doubles(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: w.detach().double().numpy().copy() for name, w in model.state_dict().items()}


def slow_average(states: list[dict[str, np.ndarray]], decay: float) -> dict[str, np.ndarray]:
    average = states[0]
    for updates, state in enumerate(states[1:], start=1):
        kept = min(decay, (1 + updates) / (10 + updates))
        average = {name: kept * average[name] + (1 - kept) * state[name] for name in state}
    return average


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.9999])
def test_the_average_is_what_it_is_by_hand(tmp_path: Path, decay: float) -> None:
    expected = slow_average(weights_of_steps(tmp_path / "plain"), decay)
    averaged = as_doubles(run(tmp_path / "averaged", average=decay)[0])
    for name, value in expected.items():
        np.testing.assert_allclose(averaged[name], value, rtol=1e-4, atol=1e-6)


def test_an_average_changes_nothing_of_the_training_itself(tmp_path: Path) -> None:
    plain, curve = run(tmp_path / "plain")
    _, averaged_curve = run(tmp_path / "averaged", average=0.9)
    assert averaged_curve == curve
    tensors, _ = read_safetensors(tmp_path / "averaged" / "step-00000060.safetensors")
    for name, value in plain.state_dict().items():
        assert torch.equal(tensors[f"model.{name}"], value)


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("killed_at", [5, 10, 37, 59])
def test_a_killed_training_keeps_its_average(tmp_path: Path, killed_at: int) -> None:
    whole, _ = run(tmp_path / "whole", average=0.9)
    with pytest.raises(Killed):
        run(tmp_path / "broken", average=0.9, killed_at=killed_at)
    assert weights(run(tmp_path / "broken", average=0.9)[0]) == weights(whole)


def test_the_average_is_what_is_validated(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def error(model: nn.Module) -> float:
        seen.append(weights(model))
        return 1.0 / len(seen)

    chosen, _ = run(tmp_path, average=0.9, validation=Validation(60, error))
    assert seen == [weights(chosen)]
    assert seen != [weights(run(tmp_path / "plain")[0])]


def test_statistics_of_batch_norm_are_those_of_the_last_step(tmp_path: Path) -> None:
    def trained(folder: Path, average: float | None) -> nn.Module:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))

        def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
            return {"loss": model(torch.randn(8, 4, generator=generator)).square().mean()}

        turn = Turn(torch.optim.SGD(model.parameters(), lr=0.1), losses, Rate(0.1))
        train(model, [turn], folder, plan=Plan(20, checkpoint_every=20), average=average)
        return model

    with torch.random.fork_rng(devices=[]):
        plain, averaged = trained(tmp_path / "plain", None), trained(tmp_path / "other", 0.99)
    assert torch.equal(plain[1].running_mean, averaged[1].running_mean)
    assert not torch.equal(plain[0].weight, averaged[0].weight)
