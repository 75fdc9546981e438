"""Networks without a part of eq. 1: one difference each, the same seed, and what claims say."""

from dataclasses import replace
from pathlib import Path

import pytest

from headwater.evaluation.heads.claims import ErrorTable
from headwater.systems.facevision import ablation
from headwater.systems.facevision.ablation import (
    ABLATIONS,
    L1_ALONE,
    NO_GRADIENT,
    WHOLE,
    ablated,
    ablated_config,
)
from headwater.systems.facevision.claims import LOSS_ERRORS, loss_claims, loss_errors
from headwater.systems.facevision.config import SIZES, Answering, FaceVisionConfig
from headwater.systems.facevision.train import train
from headwater.systems.facevision.weights import load
from headwater.training.run import Curve, Run
from tests.systems.facevision.toy_scenes import TOY, toy_scenes, toy_set
from tests.systems.toy_heads import toy_cases


def test_ablations_take_terms_of_eq_1_away_and_nothing_else() -> None:
    whole = SIZES["small"]
    alone, no_gradient = (ablated_config(whole, name) for name in (L1_ALONE, NO_GRADIENT))
    assert (alone.gan, alone.gradient, alone.l1) == (0, 0, whole.l1)
    assert (no_gradient.gan, no_gradient.gradient) == (whole.gan, 0)
    for one in (alone, no_gradient):
        back = {"gan": whole.gan, "gradient": whole.gradient}
        assert one.model_copy(update=back) == whole


def test_ablations_are_trained_from_the_same_seed_and_judged_beside_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On toy heads in place of a build's tables."""
    curves = []

    def on_toys(config: FaceVisionConfig, _data: Path, run: Run, weights: Path) -> Curve:
        curves.append(train(config, toy_set(config, toy_scenes(12, 2)), run, weights))
        return curves[-1]

    config = TOY.model_copy(update={"steps": 10})
    on_toys(config, tmp_path, Run(3, tmp_path / "checkpoints"), tmp_path / "weights.safetensors")
    monkeypatch.setattr(ablation, "train_on_tables", on_toys)
    answering = config.model_copy(update={"answer": Answering(form="laplacian")})
    trained = load(tmp_path / "weights.safetensors", answering, "cpu")
    assert trained.seed == 3
    told = []
    others = ablated(trained, tmp_path, lambda done, all_: told.append((done, all_)))
    assert list(others) == list(ABLATIONS)
    assert told == [(1, 2), (2, 2)]
    assert all(one.config.answer == trained.config.answer for one in others.values())
    terms = [{name.split("_", 1)[1] for name in curve[0] if "loss" in name} for curve in curves]
    assert terms[1] == {"l1_loss"}
    assert terms[0] - terms[2] == {"gradient_loss"}
    scenes = toy_scenes(12, 2)
    case = replace(toy_cases(scenes.heads, scenes.views)[0], template=scenes.template)
    found = loss_errors({WHOLE: trained, **others}, case)
    assert found.keys() <= {
        f"{name}: {kind}" for name in (WHOLE, *ABLATIONS) for kind in LOSS_ERRORS
    }


def test_a_term_helps_where_the_whole_loss_errs_less() -> None:
    def row(number: int) -> dict[str, float]:
        errors = {WHOLE: 2.0, L1_ALONE: 2.5, NO_GRADIENT: 1.8}
        return {
            f"{name}: {kind}": error + 0.01 * number
            for name, error in errors.items()
            for kind in LOSS_ERRORS
        }

    found = {one.name: one for one in loss_claims(ErrorTable([row(n) for n in range(9)], 0))}
    assert len(found) == 6
    helps = found[f"depth: {WHOLE} better than {L1_ALONE}"]
    hurts = found[f"codes: {WHOLE} better than {NO_GRADIENT}"]
    assert helps.holds
    assert helps.value == pytest.approx(-0.5)
    assert not hurts.holds
