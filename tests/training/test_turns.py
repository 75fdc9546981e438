"""Several optimisers in turn: a small GAN on a mixture of two Gaussians."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from headwater.training.loop import Plan
from headwater.training.schedules import Rate, constant_then_linear
from headwater.training.turns import Turn
from tests.training.small_training import Killed, train, weights

STEPS = 600
BATCH = 128
RATES = {"discriminator": 2e-3, "generator": 5e-4}


def mixture(count: int, generator: torch.Generator) -> Tensor:
    """(count, 1), each round -1.5 or round 1.5."""
    side = torch.randint(2, (count, 1), generator=generator) * 3.0 - 1.5
    return side + 0.5 * torch.randn(count, 1, generator=generator)


def layers(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(1, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
    )  # fmt: skip


def gan() -> nn.ModuleDict:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.ModuleDict({"generator": layers(32), "discriminator": layers(32)})


def turns_of(model: nn.ModuleDict, killed_at: int | None = None, **rates: float) -> list[Turn]:
    """Discriminator, then generator, each against the other as it is then."""
    forger, critic = model["generator"], model["discriminator"]

    def critics(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        if step == killed_at:
            raise Killed
        forged = forger(torch.randn(BATCH, 1, generator=generator))
        real = softplus(-critic(mixture(BATCH, generator))).mean()
        return {"discriminator_loss": real + softplus(critic(forged)).mean()}

    def forgers(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        forged = forger(torch.randn(BATCH, 1, generator=generator))
        return {"generator_loss": softplus(-critic(forged)).mean()}

    factors = (constant_then_linear(STEPS, 0.5),)
    return [
        Turn(
            torch.optim.Adam(model[name].parameters(), betas=(0.5, 0.999)),
            losses,
            Rate(rates.get(name, RATES[name]), factors),
            name=name,
        )
        for name, losses in (("discriminator", critics), ("generator", forgers))
    ]


def distance_to_mixture(forger: nn.Module) -> float:
    """Wasserstein distance of what is generated to the mixture."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        forged = forger(torch.randn(4000, 1, generator=generator))
    real = mixture(4000, generator)
    return float((forged.sort(dim=0).values - real.sort(dim=0).values).abs().mean())


def test_both_networks_of_a_gan_learn(tmp_path: Path) -> None:
    model = gan()
    before = distance_to_mixture(model["generator"])
    curve = train(model, turns_of(model), tmp_path, plan=Plan(STEPS, checkpoint_every=STEPS))
    losses = [record["discriminator_loss"] for record in curve]
    # 2 ln 2 is what guessing gives: below it at first, near to it when there is nothing to tell.
    assert min(losses[:20]) < 1.25
    assert losses[-1] == pytest.approx(1.386, abs=0.06)
    assert before > 1.3
    assert distance_to_mixture(model["generator"]) < 0.3


def test_a_generator_learns_nothing_from_a_discriminator_that_does_not_learn(
    tmp_path: Path,
) -> None:
    model = gan()
    turns = turns_of(model, discriminator=0.0)
    train(model, turns, tmp_path, plan=Plan(STEPS, checkpoint_every=STEPS))
    assert distance_to_mixture(model["generator"]) > 1.0


@pytest.mark.parametrize("still", ["generator", "discriminator"])
def test_an_optimiser_moves_its_own_parameters_alone(tmp_path: Path, still: str) -> None:
    model, start = gan(), gan()
    train(model, turns_of(model, **{still: 0.0}), tmp_path, plan=Plan(20, checkpoint_every=20))
    for name in model:
        moved = weights(model[name]) != weights(start[name])
        assert moved == (name != still)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_no_gradient_is_computed_for_the_other_network(tmp_path: Path) -> None:
    model = gan()
    seen: list[tuple[bool, bool]] = []

    def watched(turn: Turn) -> Turn:
        def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
            pair = (model["discriminator"], model["generator"])
            first, second = (next(part.parameters()).requires_grad for part in pair)
            seen.append((first, second))
            return turn.losses(step, generator)

        return replace(turn, losses=losses)

    turns = [watched(turn) for turn in turns_of(model)]
    train(model, turns, tmp_path, plan=Plan(10, checkpoint_every=10))
    assert seen == [(True, False), (False, True)] * 10


def moved_by(folder: Path, gradient_norm: float | None, **second: float) -> tuple[float, float]:
    """Distances that two weights move in ten steps at rate 0.1, against slopes of 3 and 4."""
    weights_ = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    model = nn.ParameterList(weights_)

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": 3.0 * weights_[0].sum() + 4.0 * weights_[1].sum()}

    groups = [{"params": weights_[:1]}, {"params": weights_[1:], **second}]
    turn = Turn(torch.optim.SGD(groups, lr=1.0), losses, Rate(0.1), gradient_norm)
    train(model, [turn], folder, plan=Plan(10, checkpoint_every=10))
    return -float(weights_[0].detach()), -float(weights_[1].detach())


def test_the_gradient_is_scaled_down_to_its_norm_over_all_groups(tmp_path: Path) -> None:
    assert moved_by(tmp_path / "free", None) == pytest.approx((3.0, 4.0))
    assert moved_by(tmp_path / "cut", 1.0) == pytest.approx((0.6, 0.8), rel=1e-4)
    assert moved_by(tmp_path / "short", 6.0) == pytest.approx((3.0, 4.0))


def test_a_group_may_learn_at_a_share_of_the_rate(tmp_path: Path) -> None:
    assert moved_by(tmp_path, None, rate_share=0.25) == pytest.approx((3.0, 1.0))


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("killed_at", [13, 20, 39])
def test_a_killed_gan_ends_as_an_unbroken_one(tmp_path: Path, killed_at: int) -> None:
    plan = Plan(40, checkpoint_every=10)
    whole, broken, resumed = gan(), gan(), gan()
    curve = train(whole, turns_of(whole), tmp_path / "whole", plan=plan)
    with pytest.raises(Killed):
        train(broken, turns_of(broken, killed_at), tmp_path / "broken", plan=plan)
    assert train(resumed, turns_of(resumed), tmp_path / "broken", plan=plan) == curve
    assert weights(resumed) == weights(whole)
