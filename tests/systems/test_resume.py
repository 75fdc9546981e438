"""A training goes on from a checkpoint only of the same code, packages, settings and data."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.artifacts.code import Code
from headwater.config import load_params
from headwater.data.scenes import Heads, SdfSamples, Views
from headwater.systems import SYSTEMS
from headwater.systems.glvd.train import train
from headwater.systems.settings import answer_inputs, training_inputs
from headwater.training import fingerprints
from tests.systems.glvd.test_pretraining import CONFIG
from tests.systems.toy_heads import toy_heads, toy_samples, toy_views, train_in

PROJECT = Path(__file__).resolve().parents[2]
Scene = tuple[Heads, Views, SdfSamples]
STOP = 60


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Two heads, three views of each and signed distances round them."""
    heads = toy_heads(2, seed=1)
    return heads, toy_views(heads, 3, seed=2), toy_samples(heads, 600, seed=3)


def first_step(scene: Scene, folder: Path, stop: int | None = None, **options: Any) -> int:
    """Train, or begin to and stop, and give the first step that was reported."""
    heads, views, samples = scene
    shown: list[int] = []

    def progress(step: int, steps: int, record: dict[str, float]) -> None:
        shown.append(step)
        if step == stop:
            raise KeyboardInterrupt

    arguments: dict[str, Any] = {"config": CONFIG, "samples": samples, "seed": 0, **options}
    config, seed = arguments["config"], arguments["seed"]
    train_in(
        folder,
        train,
        config,
        heads,
        views,
        samples=arguments["samples"],
        seed=seed,
        progress=progress,
    )
    return shown[0]


@pytest.fixture
def half_done(scene: Scene, tmp_path: Path) -> Path:
    """A folder with the checkpoints of a training that was stopped after its pre-training."""
    with pytest.raises(KeyboardInterrupt):
        first_step(scene, tmp_path, STOP)
    return tmp_path


@pytest.mark.fault("old weights are never taken for those of new code")
def test_the_same_training_goes_on(scene: Scene, half_done: Path) -> None:
    assert first_step(scene, half_done) > 10


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("code", [Code("other", {}), Code("", {"torch": "0.1"})])
def test_other_code_or_packages_begin_anew(
    scene: Scene,
    half_done: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: Code,
) -> None:
    monkeypatch.setattr(fingerprints, "code_of_functions", lambda functions: code)
    assert first_step(scene, half_done) == 10


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize(
    "changed",
    [
        lambda scene: {"seed": 1},
        lambda scene: {"config": CONFIG.model_copy(update={"learning_rate": 1e-4})},
        lambda scene: {"samples": replace(scene[2], distances=scene[2].distances + 1e-3)},
    ],
)
def test_other_settings_or_distances_begin_anew(
    scene: Scene,
    half_done: Path,
    changed: Callable[[Scene], dict[str, Any]],
) -> None:
    assert first_step(scene, half_done, **changed(scene)) == 10


@pytest.mark.fault("a comment, a new photo or an unread setting trains nothing")
@pytest.mark.parametrize(
    ("group", "values", "trains"),
    [
        ("cache", {"url": "elsewhere"}, False),
        ("photos", {"folder": "others"}, False),
        ("glvd", {"overrides": {"answer": {"iterations": 5}}}, False),
        ("glvd", {"size": "smoke"}, True),
        ("glvd", {"overrides": {"heatmaps": "oracle"}}, True),
        ("glvd", {"overrides": {"learning_rate": 5e-4}}, True),
        ("lvd", {"size": "smoke"}, False),
        ("", {"seed": 8}, True),
    ],
)
def test_training_depends_on_the_settings_that_it_reads(
    group: str, values: dict[str, Any], trains: bool
) -> None:
    params = load_params(PROJECT / "params.yaml")
    if group in params.systems:
        system = params.systems[group].model_copy(update=values)
        changed = params.model_copy(update={"systems": {**params.systems, group: system}})
    elif group:
        inner = getattr(params, group).model_copy(update=values)
        changed = params.model_copy(update={group: inner})
    else:
        changed = params.model_copy(update=values)
    before = training_inputs(SYSTEMS["glvd"], params, PROJECT)
    assert (training_inputs(SYSTEMS["glvd"], changed, PROJECT) != before) == trains


def test_answers_depend_on_the_iterations() -> None:
    params = load_params(PROJECT / "params.yaml")
    fewer = {"overrides": {"answer": {"iterations": 5}}}
    glvd = params.systems["glvd"].model_copy(update=fewer)
    changed = params.model_copy(update={"systems": {"glvd": glvd}})
    before = answer_inputs(SYSTEMS["glvd"], params, PROJECT)
    assert answer_inputs(SYSTEMS["glvd"], changed, PROJECT) != before
