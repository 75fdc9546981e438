"""GLVD on another device than the CPU.

Torch's meta device stands in for an accelerator: it computes shapes alone. Operations that would
mix devices are refused as an accelerator refuses them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from headwater.config import load_params
from headwater.data.crops import network_images
from headwater.data.placement import canonical_heads, canonical_samples
from headwater.data.scenes import SdfSamples
from headwater.data.training_tables import TrainingTables
from headwater.errors import HeadwaterError
from headwater.networks.localiser.network import Localiser
from headwater.networks.localiser.training import LocaliserObjective
from headwater.networks.vertex_descent.pretraining import SdfNetwork, SdfObjective
from headwater.networks.vertex_descent.training import examples_of
from headwater.systems import SYSTEMS
from headwater.systems.glvd.answer import reconstruct
from headwater.systems.glvd.config import HeatmapInput
from headwater.systems.glvd.data import ViewBatch
from headwater.systems.glvd.losses import Objective
from headwater.systems.glvd.model import Glvd
from headwater.systems.glvd.train import build, guidance_of, train
from headwater.systems.glvd.weights import load_weights
from headwater.systems.lvd import train as lvd
from headwater.systems.lvd.losses import Objective as LvdObjective
from headwater.systems.lvd.model import Lvd
from headwater.systems.stages import train_stage
from headwater.training.device import Devices, chosen_device
from headwater.training.processes import fabric_of
from headwater.training.run import Run
from tests.systems.glvd.test_heatmaps import HEADS, TEMPLATE, TOY, VIEWS
from tests.systems.glvd.test_localiser import CONFIG, TRAINED, spotted
from tests.systems.judging import judged, sound
from tests.systems.toy_heads import TOY_LVD, toy_cases, toy_samples

PROJECT = Path(__file__).parents[3]
ELSEWHERE = torch.device("meta")
SETTINGS = {
    "as it is": {"most_views": 2},
    "trained heatmaps": {"heatmaps": HeatmapInput(source="trained")},
    "oracle": {"heatmaps": HeatmapInput(source="oracle")},
    "as published": {"supervision": "all", "template_prior": False, "anchors": 0, "stacks": 2},
    "camera axes": {"space": "camera", "template_prior": False, "landmark_features": 0},
    "own keypoints and rings": {"keypoint_shares": (0.0, 0.0), "laplacian_weight": 1.0},
    **{name: {"relative_encoding": name} for name in ("dist_pe", "gauss", "offset", "kpnerf")},
    "hidden units fused": {"fusion": "hidden", "most_views": 2},
}


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of two devices; indices and single numbers may be elsewhere."""

    COPIES = ("_to_copy", "copy_")
    INDEXED = ("index", "index_put", "index_put_", "_index_put_impl_")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        name = func.overloadpacket.__name__
        if name in self.INDEXED:
            indices = [x for x in args[1] if x is not None]
            if any(x.device.type != "cpu" and x.device != args[0].device for x in indices):
                raise RuntimeError(f"{name} by indices of another device")
            tensors = [x for x in (args[0], *args[2:3]) if isinstance(x, torch.Tensor)]
        devices = {tensor.device for tensor in tensors if tensor.dim()}
        if name not in self.COPIES and len(devices) > 1:
            raise RuntimeError(f"{name} of tensors of two devices")
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def one_device() -> Iterator[None]:
    with OneDevice():
        yield


def test_mixed_devices_are_noticed() -> None:
    here, there = torch.ones(3, 3), torch.ones(3, 3, device=ELSEWHERE)
    with pytest.raises(RuntimeError, match="two devices"):
        here @ there
    with pytest.raises(RuntimeError, match="two devices"):
        there.gather(1, torch.zeros(3, 1, dtype=torch.long))


def learns_elsewhere(network: Glvd | Lvd, losses: dict[str, torch.Tensor]) -> None:
    """Check that losses and gradients of a step are on the other device."""
    loss = torch.stack(list(losses.values())).sum()
    assert loss.device == ELSEWHERE
    loss.backward()
    learned = [p for p in network.g_v.parameters() if p.grad is not None]
    assert learned
    assert all(parameter.grad.device == ELSEWHERE for parameter in learned)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_step_of_the_descents_training_runs_where_the_network_is(name: str) -> None:
    config = TOY.model_copy(update=SETTINGS[name])
    seen = examples_of(config, HEADS, VIEWS, TEMPLATE)
    network = build(config, seen.targets, TEMPLATE, 0).to(ELSEWHERE)
    guidance = guidance_of(config, HEADS, seen, None)
    objective = Objective(config, network, seen, seen.batches(config, ELSEWHERE), guidance)
    learns_elsewhere(network, objective.losses(0, torch.Generator().manual_seed(0)))


def test_images_are_disturbed_where_the_network_is() -> None:
    batches = examples_of(TOY, HEADS, VIEWS, TEMPLATE).batches(TOY, ELSEWHERE)
    batch = batches.draw(torch.arange(2), torch.Generator().manual_seed(0))
    assert batch.images.device == ELSEWHERE
    assert batch.projection.device == torch.device("cpu")


@pytest.mark.parametrize("name", ["as it is", "as published", "camera axes"])
def test_a_step_of_lvds_training_runs_where_the_network_is(name: str) -> None:
    config = TOY_LVD.model_copy(update=SETTINGS[name])
    seen = examples_of(config, HEADS, VIEWS, TEMPLATE)
    network = lvd.build(config, seen.targets, TEMPLATE, 0).to(ELSEWHERE)
    objective = LvdObjective(config, network, seen, seen.batches(config, ELSEWHERE))
    learns_elsewhere(network, objective.losses(0, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_descent_runs_where_the_network_is(name: str) -> None:
    config = TOY.model_copy(update=SETTINGS[name])
    network = build(config, canonical_heads(HEADS, TEMPLATE), TEMPLATE, 0).to(ELSEWHERE)
    crops = examples_of(config, HEADS, VIEWS, TEMPLATE).crops
    batch = ViewBatch(
        network_images(crops.pixels)[None, :2],
        crops.landmarks[None, :2],
        crops.projection[None, :2],
        crops.projection[None, :2],
        crops.estimated[None, :2],
        crops.landmarks[None, :2] if config.trains_localiser else None,
    )
    encoded = network.encode(batch.to(ELSEWHERE))
    starts = [network.template[None], network.keypoint_template[None]]
    descent = network.descend(encoded, *starts, 2)
    assert descent.vertices.device == ELSEWHERE


def test_a_step_of_the_pretraining_runs_where_the_network_is() -> None:
    network = build(TOY, canonical_heads(HEADS, TEMPLATE), TEMPLATE, 0)
    whole = SdfNetwork(network.f_v, TOY).to(ELSEWHERE)
    samples = canonical_samples(toy_samples(HEADS, 100, seed=3), HEADS, TEMPLATE)
    config = TOY.model_copy(update={"sdf_points": 64})
    batches = examples_of(TOY, HEADS, VIEWS, TEMPLATE).batches(TOY, ELSEWHERE)
    losses = SdfObjective(config, whole, batches, samples).losses(
        0, torch.Generator().manual_seed(0)
    )
    assert losses["sdf_loss"].device == ELSEWHERE


def test_a_step_of_the_heatmap_networks_training_runs_where_it_is() -> None:
    objective = LocaliserObjective(
        CONFIG, Localiser(CONFIG, 64, 68).to(ELSEWHERE), *spotted(8, seed=1)
    )
    losses = objective.losses(0, torch.Generator().manual_seed(0))
    assert {loss.device for loss in losses.values()} == {ELSEWHERE}


def test_without_cuda_it_is_refused_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    params = load_params(PROJECT / "params.yaml")
    lvd = params.systems["lvd"].model_copy(update={"device": "cuda"})
    params = params.model_copy(update={"systems": {"lvd": lvd}})
    said = r"device is 'cuda', but .* set it to cpu"
    with pytest.raises(HeadwaterError, match=said):
        train_stage(SYSTEMS["lvd"], params, tmp_path, tmp_path)
    assert chosen_device("cpu", "key") == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_learns_what_the_cpu_learns(tmp_path: Path) -> None:
    config = TRAINED.model_copy(update={"steps": 300, "checkpoint_every": 300, "sdf_steps": 20})
    samples: SdfSamples = toy_samples(HEADS, 400, seed=3)
    fabric, cuda = fabric_of(Devices("cuda", 1, "32")), torch.device("cuda")
    tables = TrainingTables(HEADS, VIEWS, TEMPLATE, samples)
    run = Run(0, tmp_path / "ck", fabric=fabric)
    result = train(config, tables, run, tmp_path / "weights.safetensors")
    trained = load_weights(result.weights)
    view = VIEWS.choose(np.array([0]))
    here = reconstruct(trained, view).vertices
    trained.network.to(cuda)
    np.testing.assert_allclose(reconstruct(trained, view).vertices, here, atol=0.1)
    assert np.linalg.norm(here - HEADS.vertices[0], axis=1).mean() < 5.0
    assert sound(judged(trained, toy_cases(HEADS, VIEWS)))
    assert trained.mean_head.shape == HEADS.vertices[0].shape
