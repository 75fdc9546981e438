"""LVD on toy heads: learned, resumed, stored, refused, and answering as a system."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.errors import HeadwaterError
from headwater.evaluation.heads.photos import PhotoQuestion
from headwater.networks.vertex_descent.config import Answering
from headwater.networks.vertex_descent.training import TrainResult
from headwater.systems import SYSTEMS
from headwater.systems.glvd import weights as glvd
from headwater.systems.glvd.train import build as glvd_build
from headwater.systems.lvd.answer import TrainedLvd, load_weights, reconstruct, save_weights
from headwater.systems.lvd.config import LvdConfig
from headwater.systems.lvd.train import build, train
from headwater.training.checkpoint import read_safetensors, safetensors_bytes
from headwater.training.run import loss_table
from tests.systems.glvd.test_heatmaps import head_targets
from tests.systems.toy_heads import (
    TOY_CONFIG,
    TOY_LVD,
    toy_heads,
    toy_samples,
    toy_template,
    toy_views,
    train_in,
)

TEMPLATE = toy_template()
HEADS = toy_heads(2, seed=1)
VIEWS = toy_views(HEADS, 3, seed=2)
SHORT = TOY_LVD.model_copy(
    update={"steps": 20, "checkpoint_every": 10, "sdf_steps": 20, "sdf_points": 64, "most_views": 2}
)


def fit(config: LvdConfig, folder: Path, stop_at: int | None = None, **options) -> TrainResult:
    def progress(step: int, steps: int, record: dict[str, float]) -> None:
        assert steps <= config.sdf_steps + config.steps
        if step == stop_at:
            raise KeyboardInterrupt

    samples = toy_samples(HEADS, 200, seed=3) if config.sdf_steps else None
    more = {"samples": samples, "progress": progress, **options}
    return train_in(folder, train, config, HEADS, VIEWS, **more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return fit(SHORT, tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("stop_at", [10, 20, 30, 40])
def test_a_training_killed_in_either_part_gives_the_same_file(
    whole: TrainResult, tmp_path: Path, stop_at: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(SHORT, tmp_path, stop_at)
    resumed = fit(SHORT, tmp_path)
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()
    assert resumed.curve == whole.curve


def test_the_curve_has_vertices_and_distances_alone(whole: TrainResult) -> None:
    assert [record["step"] for record in whole.curve] == [-10, 0, 10, 20]
    assert loss_table(whole.curve).startswith("step,loss,sdf_loss,vertex_loss,learning_rate\n")


def test_another_seed_gives_other_weights(whole: TrainResult, tmp_path: Path) -> None:
    other = fit(SHORT, tmp_path, seed=1)
    assert other.weights.read_bytes() != whole.weights.read_bytes()


def test_weights_hold_all_that_an_answer_needs(whole: TrainResult, tmp_path: Path) -> None:
    trained = load_weights(whole.weights)
    assert trained.config == SHORT
    np.testing.assert_array_equal(trained.template.mean, TEMPLATE.mean)
    save_weights(tmp_path / "again.safetensors", trained)
    assert (tmp_path / "again.safetensors").read_bytes() == whole.weights.read_bytes()
    _, notes = read_safetensors(whole.weights)
    assert not [name for name in notes["config"] if "keypoint" in name or "landmark" in name]


def test_each_systems_weights_are_refused_by_the_other(whole: TrainResult, tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="not GLVD weights of format"):
        glvd.load_weights(whole.weights)
    network = glvd_build(TOY_CONFIG, head_targets(), TEMPLATE, 0)
    path = tmp_path / "glvd.safetensors"
    glvd.save_weights(path, glvd.TrainedGlvd(network, TOY_CONFIG, TEMPLATE))
    with pytest.raises(HeadwaterError, match="not LVD weights of format"):
        load_weights(path)


def test_a_giant_config_costs_nothing(whole: TrainResult, tmp_path: Path) -> None:
    tensors, notes = read_safetensors(whole.weights)
    notes["config"]["hidden"] = 10**6
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(tensors, notes))
    with pytest.raises(HeadwaterError, match="its tensors are not those of its config"):
        load_weights(path)


def test_training_on_nothing_or_without_distances_is_refused(tmp_path: Path) -> None:
    held_out = replace(VIEWS, split=np.full(len(VIEWS), "test"))
    with pytest.raises(HeadwaterError, match="no view has the split 'train'"):
        train_in(tmp_path, train, TOY_LVD, HEADS, held_out)
    with pytest.raises(HeadwaterError, match="pre-training needs signed distance samples"):
        train_in(tmp_path, train, SHORT, HEADS, VIEWS)


def test_more_query_points_than_vertices_are_refused(tmp_path: Path) -> None:
    many = TOY_LVD.model_copy(update={"points": len(TEMPLATE.mean) + 1})
    with pytest.raises(HeadwaterError, match=r"points is 163, but .* 162 vertices; set"):
        fit(many, tmp_path)


def test_the_system_answers_with_the_descent_of_its_settings(whole: TrainResult) -> None:
    system = SYSTEMS["lvd"]
    few = SHORT.model_copy(update={"answer": Answering(iterations=3)})
    model = system.load(whole.weights, few, "cpu")
    view = VIEWS.choose(np.array([1]))
    head = system.answer(model, PhotoQuestion(view))
    assert head.steps.shape == (4, len(TEMPLATE.mean), 3)
    np.testing.assert_array_equal(head.vertices, head.steps[-1])
    usual = system.answer(system.load(whole.weights, SHORT, "cpu"), PhotoQuestion(view))
    assert len(usual.steps) == SHORT.iterations + 1
    np.testing.assert_array_equal(usual.steps[:4], head.steps)


def test_first_points_are_drawn_by_the_seed() -> None:
    network = build(TOY_LVD, head_targets(), TEMPLATE, 3).eval()
    trained = TrainedLvd(network, TOY_LVD, TEMPLATE)
    view = VIEWS.choose(np.array([0]))
    one, again, other = (reconstruct(trained, view, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one[0] - other[0]).max() > 1.0
    assert torch.equal(network.template, head_targets().mean(dim=0))
