"""GLVD on another device than the CPU.

Torch's meta device stands in for an accelerator: it computes shapes alone. Operations that would
mix devices are refused as an accelerator refuses them.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from headwater.config import load_params
from headwater.data.scenes import SdfSamples
from headwater.descent.config import GlvdConfig, HeatmapInput, without_keypoints
from headwater.descent.data import (
    canonical_heads,
    canonical_samples,
    crop_views,
    network_images,
    placed_views,
)
from headwater.descent.localiser import Localiser
from headwater.descent.localiser_training import LocaliserObjective
from headwater.descent.model import ViewBatch
from headwater.descent.objective import Objective
from headwater.descent.pretrain import SdfNetwork, SdfObjective
from headwater.descent.reconstruct import reconstruct
from headwater.descent.train import build, train
from headwater.descent.view_sets import ViewSets
from headwater.descent.weights import load_weights
from headwater.errors import HeadwaterError
from headwater.systems import SYSTEMS
from headwater.systems.stages import train_stage
from headwater.training.device import chosen_device
from tests.systems.judging import judged, sound
from tests.systems.test_glvd_heatmaps import HEADS, TEMPLATE, TOY, VIEWS
from tests.systems.test_glvd_localiser import CONFIG, TRAINED, spotted
from tests.systems.toy_heads import toy_cases, toy_samples

PROJECT = Path(__file__).parents[2]
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


def sets_of(config: GlvdConfig) -> ViewSets:
    crops = crop_views(placed_views(VIEWS, TEMPLATE), TEMPLATE.nose_bridge, config.image_px, 280.0)
    if config.heatmaps.source != "mediapipe":
        crops = replace(crops, peaks=crops.landmarks)
    return ViewSets(VIEWS, crops, TEMPLATE)


@pytest.mark.parametrize("name", [*SETTINGS, "no keypoints"])
def test_a_step_of_the_descents_training_runs_where_the_network_is(name: str) -> None:
    config = without_keypoints(TOY) if name == "no keypoints" else TOY
    config = config.model_copy(update=SETTINGS.get(name, {}))
    targets = canonical_heads(HEADS, TEMPLATE)
    network = build(config, targets, TEMPLATE, 0).to(ELSEWHERE)
    objective = Objective(config, network, sets_of(config), targets)
    losses = objective.losses(0, torch.Generator().manual_seed(0))
    loss = torch.stack(list(losses.values())).sum()
    assert loss.device == ELSEWHERE
    loss.backward()
    learned = [p for p in network.g_v.parameters() if p.grad is not None]
    assert learned
    assert all(parameter.grad.device == ELSEWHERE for parameter in learned)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_descent_runs_where_the_network_is(name: str) -> None:
    config = TOY.model_copy(update=SETTINGS[name])
    network = build(config, canonical_heads(HEADS, TEMPLATE), TEMPLATE, 0).to(ELSEWHERE)
    crops = sets_of(config).crops
    batch = ViewBatch(
        network_images(crops.pixels)[None, :2],
        crops.landmarks[None, :2],
        crops.projection[None, :2],
        None if crops.peaks is None else crops.peaks[None, :2],
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
    losses = SdfObjective(config, whole, sets_of(TOY), samples).losses(
        0, torch.Generator().manual_seed(0)
    )
    assert losses["sdf_loss"].device == ELSEWHERE


def test_a_step_of_the_heatmap_networks_training_runs_where_it_is() -> None:
    objective = LocaliserObjective(CONFIG, Localiser(CONFIG, 64).to(ELSEWHERE), spotted(8, seed=1))
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
    cuda = torch.device("cuda")
    result = train(
        config, HEADS, VIEWS, TEMPLATE, tmp_path, tmp_path / "ck", samples=samples, device=cuda
    )
    trained = load_weights(result.weights)
    view = VIEWS.choose(np.array([0]))
    here = reconstruct(trained, view).vertices
    trained.network.to(cuda)
    np.testing.assert_allclose(reconstruct(trained, view).vertices, here, atol=0.1)
    assert np.linalg.norm(here - HEADS.vertices[0], axis=1).mean() < 5.0
    assert sound(judged(trained, toy_cases(HEADS, VIEWS)))
    assert trained.mean_head.shape == HEADS.vertices[0].shape
