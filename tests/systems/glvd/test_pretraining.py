"""Pre-training on signed distances: the loss, what it learns, and how it goes on after a kill."""

from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.data.placement import canonical_samples
from headwater.data.scenes import Heads, SdfSamples, Views
from headwater.errors import HeadwaterError
from headwater.networks.vertex_descent.pretraining import sdf_loss
from headwater.networks.vertex_descent.training import TrainResult
from headwater.systems.glvd.config import SIZES
from headwater.systems.glvd.train import train
from headwater.training.run import loss_table
from tests.systems.toy_heads import toy_heads, toy_samples, toy_template, toy_views, train_in

TEMPLATE = toy_template()
CONFIG = SIZES["smoke"].model_copy(
    update={
        "depth": 1,
        "keypoint_depth": 1,
        "steps": 10,
        "sdf_steps": 60,
        "sdf_points": 128,
        "most_views": 2,
        "learning_rate": 1e-2,
        "checkpoint_every": 30,
    }
)


@pytest.fixture(scope="module")
def scene() -> tuple[Heads, Views, SdfSamples]:
    heads = toy_heads(2, seed=1)
    return heads, toy_views(heads, 3, seed=2), toy_samples(heads, 600, seed=3)


def run(
    scene: tuple[Heads, Views, SdfSamples], folder: Path, stop_at: int | None = None
) -> TrainResult:
    heads, views, samples = scene

    def progress(step: int, steps: int, record: dict[str, float]) -> None:
        assert steps == CONFIG.sdf_steps + CONFIG.steps or step <= CONFIG.sdf_steps
        if step == stop_at:
            raise KeyboardInterrupt

    return train_in(folder, train, CONFIG, heads, views, samples=samples, progress=progress)


@pytest.fixture(scope="module")
def whole(
    scene: tuple[Heads, Views, SdfSamples], tmp_path_factory: pytest.TempPathFactory
) -> TrainResult:
    return run(scene, tmp_path_factory.mktemp("whole"))


def test_distances_are_learned_and_counted_below_zero(whole: TrainResult) -> None:
    sdf = [record for record in whole.curve if "sdf_loss" in record]
    assert [record["step"] for record in sdf] == [-50, -40, -30, -20, -10, 0]
    assert sdf[-1]["sdf_loss"] < 0.6 * sdf[0]["sdf_loss"]
    assert [record["step"] for record in whole.curve if "vertex_loss" in record] == [10]
    lines = loss_table(whole.curve).splitlines()
    assert lines[0] == "step,loss,keypoint_loss,sdf_loss,vertex_loss,learning_rate"
    assert lines[1].startswith("-50,")
    assert ",," in lines[1]
    assert len({line.count(",") for line in lines}) == 1


@pytest.mark.parametrize(
    "stop_at",
    [pytest.param(30, marks=pytest.mark.slow), 60, pytest.param(70, marks=pytest.mark.slow)],
)
def test_a_kill_in_either_part_gives_the_same_file(
    scene: tuple[Heads, Views, SdfSamples], whole: TrainResult, tmp_path: Path, stop_at: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(scene, tmp_path, stop_at)
    resumed = run(scene, tmp_path)
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()
    assert resumed.curve == whole.curve


def test_pretraining_without_samples_is_refused(
    scene: tuple[Heads, Views, SdfSamples], tmp_path: Path
) -> None:
    heads, views, _ = scene
    with pytest.raises(HeadwaterError, match="samples"):
        train_in(tmp_path, train, CONFIG, heads, views)


def test_the_loss_sees_no_further_than_the_clamp() -> None:
    predicted = torch.tensor([0.05, 0.5, -0.9, 0.1], requires_grad=True)
    distance = torch.tensor([0.01, 0.3, -0.2, -0.3])
    loss = sdf_loss(predicted, distance, 0.2)
    assert float(loss.detach()) == pytest.approx((0.04 + 0.0 + 0.0 + 0.3) / 4)
    loss.backward()
    assert predicted.grad.tolist() == pytest.approx([0.25, 0.0, 0.0, 0.25])


def test_samples_move_with_their_heads(scene: tuple[Heads, Views, SdfSamples]) -> None:
    """Rigidly placed samples keep their distances to the placed head."""
    heads, _, samples = scene
    moved = Heads(
        heads.vertices[..., [2, 1, 0]] * np.float32([-1, 1, 1]) + np.float32(7), heads.subjects
    )
    turned = SdfSamples(
        samples.points[..., [2, 1, 0]] * np.float32([-1, 1, 1]) + np.float32(7), samples.distances
    )
    a = canonical_samples(samples, heads, TEMPLATE)
    b = canonical_samples(turned, moved, TEMPLATE)
    np.testing.assert_allclose(a.points, b.points, atol=1e-4)
    np.testing.assert_allclose(a.distances, samples.distances / 100, rtol=1e-6)
