"""Parameters of scenes: those that a step does not touch do not move."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from headwater.training.loop import Plan
from headwater.training.per_scene import PerScene
from headwater.training.schedules import Rate
from headwater.training.turns import Turn
from tests.training.small_training import Killed, train, weights

TARGETS = torch.tensor([[1.0, 2.0], [-3.0, 0.5], [4.0, -1.0]])
# Scene 2 is never touched.
TOUCHED = [[0], [1], [0, 1], [0], [0], [1], [0], [0, 0], [1], [0]]
OPTIMISERS = {
    "SGD": torch.optim.SGD,
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "RMSprop": torch.optim.RMSprop,
}


def codes() -> PerScene:
    return PerScene(torch.full((2,), 0.5 * scene) for scene in range(3))


def turn_of(
    model: PerScene, kind: str, touched: list[list[int]], killed_at: int | None = None
) -> Turn:
    """Half the squared distance of the touched scenes' codes to their targets."""

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        if step == killed_at:
            raise Killed
        scenes = torch.tensor(touched[step])
        return {"loss": 0.5 * (model(scenes) - TARGETS[scenes]).square().sum()}

    return Turn(OPTIMISERS[kind](model.parameters(), lr=0.1), losses, Rate(0.1))


def test_gradient_descent_by_hand(tmp_path: Path) -> None:
    """Each touch leaves 0.9 of the distance to the target; two in one step leave 0.8."""
    model, start = codes(), codes()
    train(model, [turn_of(model, "SGD", TOUCHED)], tmp_path, plan=Plan(10, checkpoint_every=10))
    left = {0: 0.9**6 * 0.8, 1: 0.9**4, 2: 1.0}
    for scene, share in left.items():
        expected = TARGETS[scene] + share * (start.scenes[scene] - TARGETS[scene])
        torch.testing.assert_close(model.scenes[scene].detach(), expected.detach())


@pytest.mark.parametrize("kind", OPTIMISERS)
def test_a_scene_moves_as_it_does_alone(tmp_path: Path, kind: str) -> None:
    """Neither momentum nor weight decay of steps of other scenes moves it, nor do they age it."""
    together = codes()
    touched = [[step % 2] for step in range(20)]
    train(together, [turn_of(together, kind, touched)], tmp_path, plan=Plan(20, 20))
    for scene in (0, 1):
        alone = codes()
        own = [[scene]] * 10
        train(alone, [turn_of(alone, kind, own)], tmp_path / str(scene), plan=Plan(10, 10))
        assert torch.equal(together.scenes[scene], alone.scenes[scene])
    assert torch.equal(together.scenes[2], codes().scenes[2])


def test_a_common_table_would_drift(tmp_path: Path) -> None:
    table = torch.nn.Parameter(torch.stack([code.detach() for code in codes().scenes]))
    optimizer = torch.optim.Adam([table], lr=0.1)
    for step, scene in enumerate([0, 1, 1]):
        before = table.detach().clone()
        optimizer.zero_grad()
        (table[scene] - TARGETS[scene]).square().sum().backward()
        optimizer.step()
        if step:
            assert not torch.equal(table[0], before[0])


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("killed_at", [5, 12, 19])
def test_codes_and_their_moments_are_resumed(tmp_path: Path, killed_at: int) -> None:
    touched = TOUCHED * 2
    whole, broken, resumed = codes(), codes(), codes()
    plan = Plan(20, checkpoint_every=10)
    train(whole, [turn_of(whole, "AdamW", touched)], tmp_path / "whole", plan=plan)
    with pytest.raises(Killed):
        train(broken, [turn_of(broken, "AdamW", touched, killed_at)], tmp_path / "b", plan=plan)
    train(resumed, [turn_of(resumed, "AdamW", touched)], tmp_path / "b", plan=plan)
    assert weights(resumed) == weights(whole)


def test_first_values_are_copied(tmp_path: Path) -> None:
    start = torch.zeros(2)
    model = PerScene([start, start])
    turn = turn_of(model, "SGD", [[0]] * 10)
    train(model, [turn], tmp_path, plan=Plan(10, checkpoint_every=10))
    assert torch.equal(start, torch.zeros(2))
    assert torch.equal(model.scenes[1], start)


def test_scenes_may_have_parameters_of_different_shapes() -> None:
    descriptors = PerScene([torch.zeros(5, 8), torch.ones(7, 8)])
    assert len(descriptors) == 2
    assert descriptors(torch.tensor([1])).shape == (1, 7, 8)
