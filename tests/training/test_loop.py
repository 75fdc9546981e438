from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from headwater.training.checkpoint import (
    KEPT,
    latest_checkpoint,
    read_safetensors,
    safetensors_bytes,
    save_checkpoint,
)
from headwater.training.loop import Schedule, deterministic, fit, step_generator

SCHEDULE = Schedule(
    steps=60, learning_rate=0.05, constant_share=0.5, gradient_norm=1.0, checkpoint_every=10
)


class Killed(Exception):
    """Stands for the process being killed."""


def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def run(
    folder: Path, *, killed_at: int | None = None, fingerprint: str = "sums"
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Learn to add four numbers; every batch is drawn from the step's own generator."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, betas=(0.5, 0.999))

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        if step == killed_at:
            raise Killed
        x = torch.randn(16, 4, generator=generator)
        return {"loss": (model(x)[:, 0] - x.sum(dim=1)).abs().mean()}

    curve = fit(
        model,
        optimizer,
        losses,
        SCHEDULE,
        seed=3,
        fingerprint=fingerprint,
        checkpoint_dir=folder,
    )
    return model, curve


def weights(model: nn.Module) -> bytes:
    return safetensors_bytes(dict(model.state_dict()), {})


def flip_a_bit(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 4
    path.write_bytes(bytes(data))


def test_it_learns(tmp_path: Path) -> None:
    _, curve = run(tmp_path)
    assert [record["step"] for record in curve] == [10, 20, 30, 40, 50, 60]
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("killed_at", [5, 10, 37, 59])
def test_a_killed_training_ends_as_an_unbroken_one(tmp_path: Path, killed_at: int) -> None:
    whole, whole_curve = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "broken", killed_at=killed_at)
    resumed, curve = run(tmp_path / "broken")
    assert weights(resumed) == weights(whole)
    assert curve == whole_curve


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("place", [0.02, 0.5, 0.99])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, place: float) -> None:
    whole, _ = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "broken", killed_at=45)
    newest = max((tmp_path / "broken").iterdir())
    flip_a_bit(newest, place)
    found = latest_checkpoint(tmp_path / "broken", "sums")
    assert found is not None
    assert found.step == 30
    assert weights(run(tmp_path / "broken")[0]) == weights(whole)


@pytest.mark.fault("old weights are never taken for those of new code")
def test_a_cut_off_checkpoint_is_passed_over(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, killed_at=45)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-7])
    assert latest_checkpoint(tmp_path, "sums") is None


@pytest.mark.fault("old weights are never taken for those of new code")
def test_checkpoints_of_another_training_are_passed_over(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, killed_at=45, fingerprint="other")
    assert latest_checkpoint(tmp_path, "sums") is None
    assert latest_checkpoint(tmp_path, "other") is not None


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    run(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-00000050.safetensors", "step-00000060.safetensors"]
    assert len(names) == KEPT


def test_a_checkpoint_is_plain_tensors_and_json(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    save_checkpoint(tmp_path, 10, model, optimizer, [{"step": 10, "loss": 0.5}], "x")
    tensors, notes = read_safetensors(tmp_path / "step-00000010.safetensors")
    assert notes["step"] == 10
    assert notes["curve"] == [{"step": 10, "loss": 0.5}]
    assert {name.split(".")[0] for name in tensors} == {"model", "optimizer"}


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_every_step_has_its_own_random_numbers(step: int, other: int) -> None:
    first, again = (torch.rand(4, generator=step_generator(1, step)) for _ in range(2))
    different = torch.rand(4, generator=step_generator(1, other))
    assert torch.equal(first, again)
    assert (step == other) == torch.equal(first, different)


def test_the_rate_is_constant_and_then_falls_to_zero() -> None:
    rates = [SCHEDULE.rate(step) for step in range(SCHEDULE.steps + 1)]
    assert rates[:31] == [0.05] * 31
    assert all(b < a for a, b in pairwise(rates[30:]))
    assert rates[45] == pytest.approx(0.025)
    assert rates[60] == 0.0


def test_a_checkpoint_between_two_records_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 10"):
        Schedule(20, 0.1, 0.5, 1.0, checkpoint_every=15)


def test_determinism_is_put_back_afterwards() -> None:
    threads = torch.get_num_threads()
    with deterministic(1):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads
