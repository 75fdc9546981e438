"""The systems' weights are those of least vertex error on heads of the validation split."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from headwater.data.training_tables import ValidationHeads
from headwater.networks.vertex_descent.objective import near_face
from headwater.networks.vertex_descent.selection import vertex_error_mm
from headwater.systems import SYSTEMS
from headwater.systems.glvd import answer as glvd_answer
from headwater.systems.glvd import train as glvd
from headwater.systems.glvd import weights as glvd_weights
from headwater.systems.lvd import answer as lvd_answer
from headwater.systems.lvd import train as lvd
from headwater.training.run import loss_table, outcome
from tests.systems.toy_heads import toy_heads, toy_template, toy_views, train_in

TEMPLATE, HEADS, OTHERS = toy_template(), toy_heads(2, seed=1), toy_heads(3, seed=5)
VIEWS = toy_views(HEADS, 2, seed=2)
HELD = ValidationHeads(OTHERS.vertices, toy_views(OTHERS, 1, seed=6, split="validation"))
CHANGES = {"steps": 40, "learning_rate": 2e-2, "constant_share": 1.0, "checkpoint_every": 20}
TRAININGS = {"glvd": glvd, "lvd": lvd}


def trained(system: str, folder: Path, stop: int | None = None, **options: Any) -> Any:
    def progress(step: int, steps: int, record: dict[str, float]) -> None:
        if step == stop:
            raise KeyboardInterrupt

    module: ModuleType = TRAININGS[system]
    config = SYSTEMS[system].sizes["smoke"].model_copy(update=CHANGES)
    settings = {"validation": HELD, "progress": progress, **options}
    return train_in(folder, module.train, config, HEADS, VIEWS, **settings)


def error_of(system: str, weights: Path) -> float:
    """The mean vertex error, mm, of the heads of the validation split, seen by the weights."""
    load: Callable[[Path], Any] = {
        "glvd": glvd_weights.load_weights,
        "lvd": lvd_answer.load_weights,
    }[system]
    near, model = near_face(TEMPLATE), load(weights)
    errors = []
    for row, truth in enumerate(HELD.vertices):
        view = HELD.views.choose(np.array([row]))
        if system == "glvd":
            predicted = glvd_answer.reconstruct(model, view).vertices
        else:
            predicted = lvd_answer.reconstruct(model, view)[-1]
        errors.append(vertex_error_mm(predicted, truth, near))
    return float(np.mean(errors))


@pytest.fixture(scope="module", params=TRAININGS)
def system(request: pytest.FixtureRequest) -> str:
    """The name of a system."""
    return str(request.param)


@pytest.fixture(scope="module")
def whole(system: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Its training without a stop."""
    return trained(system, tmp_path_factory.mktemp("whole"))


def test_the_weights_of_least_error_are_written(whole: Any, system: str) -> None:
    errors = {one["step"]: one["validation"] for one in whole.curve}
    assert list(errors) == [10, 20, 30, 40]
    assert error_of(system, whole.weights) == pytest.approx(min(errors.values()), abs=1e-3)
    best = min(errors, key=errors.__getitem__)
    assert outcome(whole.curve) == f"40 steps; step {best} kept, best in validation"
    header, *lines = loss_table(whole.curve).splitlines()
    assert header.split(",")[-1] == "validation"
    assert float(lines[0].split(",")[-1]) == pytest.approx(errors[10], rel=1e-4)


def test_other_weights_than_the_last_are_kept_where_these_are_worse(tmp_path: Path) -> None:
    last = trained("lvd", tmp_path / "last", validation=None, seed=1)
    assert outcome(last.curve) == "40 steps; the last one kept, none was validated"
    assert outcome([{"step": 1.0}]) == "1 step; the last one kept, none was validated"
    kept = trained("lvd", tmp_path / "kept", seed=1)
    without = [{k: v for k, v in one.items() if k != "validation"} for one in kept.curve]
    assert without == last.curve
    assert error_of("lvd", kept.weights) < error_of("lvd", last.weights)


@pytest.mark.fault("old weights are never taken for those of new code")
def test_a_killed_training_selects_the_same_weights(
    tmp_path: Path, whole: Any, system: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(system, tmp_path, stop=30)
    resumed = trained(system, tmp_path)
    assert resumed.curve == whole.curve
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()


def test_other_heads_to_validate_begin_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained("lvd", tmp_path, stop=30)
    shown: list[int] = []
    fewer = ValidationHeads(HELD.vertices[:2], HELD.views.choose(np.arange(2)))
    trained("lvd", tmp_path, validation=fewer, progress=lambda step, *_: shown.append(step))
    assert shown[0] == 10
