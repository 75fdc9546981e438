"""Claims of PRDL: what follows from scores, and the trainings without a part of the method."""

from pathlib import Path

import pytest

from headwater.data.tables import template_of
from headwater.evaluation.heads.claims import ErrorTable
from headwater.metrics.part_iou import AVERAGE
from headwater.systems.prdl import ablation
from headwater.systems.prdl.ablation import (
    ABLATIONS,
    WITHOUT_EXPRESSIONS,
    WITHOUT_PARTS,
    ablated,
    ablated_config,
)
from headwater.systems.prdl.claims import (
    BOTH,
    LANDMARKS,
    NETWORK,
    PARTS,
    SEED,
    claims_of,
    training_claims,
    ways,
)
from headwater.systems.prdl.config import SIZES, PrdlConfig
from headwater.systems.prdl.detector_errors import MeanErrors
from headwater.systems.prdl.train import train
from headwater.systems.prdl.weights import TrainedPrdl, load_weights
from headwater.training.run import Curve, Run
from tests.systems.prdl.test_training import toy_examples
from tests.systems.prdl.toy_face import TOY, toy_model, toy_network


def rows(gain: float) -> list[dict[str, float]]:
    """Scores of nine heads; the whole network's Part IoU is better by ``gain``."""
    found = []
    for number in range(9):
        row = {}
        for name in (NETWORK, *ABLATIONS):
            better = gain if name == NETWORK else 0.0
            row[f"{name}: mm"] = 1.2 + 0.01 * number
            for group in (AVERAGE, "eyes", "mouth"):
                row[f"{name}: {group}"] = 60 + number + better
        found.append(row)
    return found


@pytest.mark.parametrize(("gain", "holds"), [(1.5, True), (0.0, True), (-1.5, False)])
def test_part_iou_is_claimed_where_all_of_its_interval_is_above(gain: float, holds: bool) -> None:
    claims = list(training_claims(ErrorTable(rows(gain), SEED), "all heads"))
    ious = [claim for claim in claims if "Part IoU" in claim.name]
    assert len(claims) == 8
    assert [claim.holds for claim in ious] == [holds] * 6
    assert {claim.value for claim in ious} == {gain}


def test_without_such_heads_nothing_holds() -> None:
    claims = list(training_claims(ErrorTable([], SEED), "expressions of 2 mm and more"))
    assert not any(claim.holds for claim in claims)


def test_fitting_is_claimed_by_its_paired_differences() -> None:
    table = ErrorTable(
        [{NETWORK: 50.0, PARTS: 70.0 + n, LANDMARKS: 72.0, BOTH: 71.0 + n} for n in range(4)], SEED
    )
    improves, adds = claims_of(table)
    assert improves.holds
    assert improves.value == 21.5
    assert not adds.holds


def test_ablations_differ_in_one_setting_each() -> None:
    whole = SIZES["small"]
    parts = ablated_config(whole, WITHOUT_PARTS)
    assert parts.weights.prdl == 0
    assert parts.model_copy(update={"weights": whole.weights}) == whole
    expressions = ablated_config(whole, WITHOUT_EXPRESSIONS)
    assert not expressions.edited
    assert expressions.model_copy(update={"edited": True}) == whole


def test_ablations_are_trained_from_the_same_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On toy faces in place of a build's tables, none of which is of another expression."""
    curves = []

    def on_toys(config: PrdlConfig, _data: Path, run: Run, weights: Path) -> Curve:
        curves.append(train(config, toy_model(), examples, MeanErrors.none(), run, weights))
        return curves[-1]

    examples = toy_examples(4)
    config = TOY.model_copy(update={"steps": 10, "batch": 2})
    whole = on_toys(config, tmp_path, Run(3, tmp_path / "ck"), tmp_path / "weights.safetensors")
    monkeypatch.setattr(ablation, "train_on_tables", on_toys)
    trained = load_weights(tmp_path / "weights.safetensors")
    assert trained.seed == 3
    told = []
    found = ablated(trained, tmp_path, lambda done, all_: told.append((done, all_)))
    assert list(found) == list(ABLATIONS)
    assert told == [(1, 2), (2, 2)]
    assert "prdl_loss" in whole[0]
    assert "prdl_loss" not in curves[1][0]
    assert curves[2] == whole
    assert found[WITHOUT_PARTS].config.weights.prdl == 0


def test_ways_of_fitting_are_to_exact_parts() -> None:
    template = template_of(toy_model())
    trained = TrainedPrdl(toy_network(), TOY, template, MeanErrors.none())
    found = ways(trained)
    assert found.keys() == {NETWORK, PARTS, LANDMARKS, BOTH}
    assert all(way.config.parts == "exact" for way in found.values())
    assert not found[NETWORK].config.answer.fit
    assert found[LANDMARKS].config.weights.prdl == 0
    assert found[PARTS].config.answer.fitting.landmarks == 0
