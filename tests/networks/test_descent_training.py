"""Rates of a vertex descent's training."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from headwater.networks.step_decoder import StepDecoder
from headwater.networks.vertex_descent.config import DESCENT_SIZES, DescentConfig
from headwater.networks.vertex_descent.training import TrainingPart, fit_descent, own_rows


def network(anchors: int | None) -> nn.ModuleDict:
    smoothing = None if anchors is None else torch.full((5, anchors), 1 / anchors)
    return nn.ModuleDict({"f_v": nn.Linear(2, 3), "g_v": StepDecoder(3, 4, 5, smoothing)})


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_own_rows_beside_anchors_have_a_rate_of_their_own(share: float, tmp_path: Path) -> None:
    """Every weight is pulled alike, so that Adam moves each by its rate, step by step."""
    config = DescentConfig(**DESCENT_SIZES["smoke"]).model_copy(
        update={"steps": 10, "constant_share": 1.0, "weight_decay": 0.0, "own_rate": share}
    )
    trained = network(anchors=2)
    before = {name: value.clone() for name, value in trained.named_parameters()}

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": torch.stack([one.sum() for one in trained.parameters()]).sum()}

    part = TrainingPart(0, tmp_path, fingerprint="")
    fit_descent(config, trained, trained["f_v"], losses, part, None)
    moved = {name: before[name] - value for name, value in trained.named_parameters()}
    whole = 10 * config.learning_rate
    for name, way in moved.items():
        expected = share * whole if name.startswith("g_v.last") else whole
        torch.testing.assert_close(way, torch.full_like(way, expected), rtol=1e-3, atol=0)


def test_rows_are_not_beside_anchors_where_there_are_none() -> None:
    assert own_rows(network(None)) == []
    with_anchors = network(2)
    assert [one.shape for one in own_rows(with_anchors)] == [(15, 4), (15,)]
