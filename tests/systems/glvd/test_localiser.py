"""The heatmap network that is trained on the same heads: how it reads, learns and resumes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.config import load_params
from headwater.data.crops import crop_views, network_images
from headwater.data.placement import placed_views
from headwater.networks.vertex_descent.training import TrainingPart
from headwater.systems import SYSTEMS
from headwater.systems.glvd.config import SIZES, HeatmapInput, LocaliserConfig
from headwater.systems.glvd.data import ViewBatch, true_peaks
from headwater.systems.glvd.localiser import Localiser
from headwater.systems.glvd.localiser_training import heatmap_losses, jittered, train_localiser
from headwater.systems.glvd.train import build, train
from headwater.systems.glvd.weights import load_weights
from headwater.systems.settings import config_of
from headwater.training.checkpoint import read_safetensors
from headwater.training.determinism import deterministic
from tests.systems.glvd.test_heatmaps import HEADS, TEMPLATE, TOY, VIEWS, head_targets
from tests.systems.glvd.test_oracle_heatmaps import misdetected, true_landmarks
from tests.systems.toy_heads import toy_heads, toy_views

PROJECT = Path(__file__).parents[3]
CONFIG = LocaliserConfig(stride=2, width=16, depth=2, steps=60, batch=4, checkpoint_every=20)
TRAINED = TOY.model_copy(update={"heatmaps": HeatmapInput(source="trained"), "localiser": CONFIG})


def network(config: LocaliserConfig = CONFIG, image_px: int = 64) -> Localiser:
    torch.manual_seed(0)
    return Localiser(config, image_px)


def pixels_of(seed: int, count: int = 4) -> torch.Tensor:
    heads = toy_heads(count, seed)
    views = toy_views(heads, 2, seed + 1)
    return crop_views(placed_views(views, TEMPLATE), TEMPLATE.nose_bridge, 64, 280.0).pixels


def test_a_map_of_one_cell_is_read_as_the_place_of_that_cell_in_the_whole_crop() -> None:
    """The middle 48 of 64 px at stride 2: cell (row 3, column 10) has its centre at (29, 15)."""
    net = network()
    maps = torch.full((1, 68, 24, 24), -1e9)
    maps[..., 3, 10] = 0.0
    torch.testing.assert_close(net.expected(maps)[0, 0], torch.tensor([29.0, 15.0]))


def test_between_cells_the_expected_place_lies_between() -> None:
    maps = torch.full((1, 68, 24, 24), -1e9)
    maps[..., 3, 10], maps[..., 3, 11] = np.log(0.25), np.log(0.75)
    torch.testing.assert_close(network().expected(maps)[0, 0], torch.tensor([30.5, 15.0]))


def test_the_losses_are_least_where_the_landmarks_are() -> None:
    """A Gaussian at the landmark has the Gaussian's own entropy, and no distance."""
    net = network()
    place = torch.tensor([31.0, 27.0]).expand(1, 68, 2)
    squared = (net.centres() - 31.0)[None, :] ** 2 + (net.centres() - 27.0)[:, None] ** 2
    logits = -0.5 * squared / (net.stride**2)
    maps = logits.flatten().log_softmax(0).reshape(1, 1, 24, 24).expand(1, 68, -1, -1)
    losses = heatmap_losses(net, maps, place, 1.0)
    assert float(losses["localisation_loss"]) < 1e-3
    entropy = -(maps.exp() * maps).sum(dim=(2, 3)).mean()
    assert float(losses["heatmap_loss"]) == pytest.approx(float(entropy), rel=1e-4)
    off = heatmap_losses(net, maps, place + 4.0, 1.0)
    assert float(off["localisation_loss"]) == pytest.approx(4.0, abs=1e-3)
    assert off["heatmap_loss"] > losses["heatmap_loss"] + 1.0


def test_landmarks_move_with_the_jittered_picture() -> None:
    """A bright dot is found again where its landmark was moved to."""
    side = 64
    y, x = torch.meshgrid(torch.arange(side) + 0.5, torch.arange(side) + 0.5, indexing="ij")
    places = torch.tensor([[20.0, 40.0], [44.0, 25.0]])
    dots = [torch.exp(-((x - u) ** 2 + (y - v) ** 2) / 8.0) for u, v in places.tolist()]
    values = torch.stack(dots)[None].expand(5, -1, -1, -1).contiguous()
    generator = torch.Generator().manual_seed(3)
    moved, landmarks = jittered(values, places.expand(5, -1, -1), generator)
    weight = moved / moved.sum(dim=(2, 3), keepdim=True)
    found = torch.stack([(weight * x).sum(dim=(2, 3)), (weight * y).sum(dim=(2, 3))], dim=-1)
    assert float((landmarks - places).abs().max()) > 1.0
    torch.testing.assert_close(found, landmarks, atol=0.1, rtol=0)


def spotted(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey crops with a red, a green and a blue spot; the landmarks are the spots in turn."""
    generator = torch.Generator().manual_seed(seed)
    places = 24.0 + 16.0 * torch.rand(count, 3, 2, generator=generator)
    centres = torch.arange(64) + 0.5
    falloff = torch.exp(-((places[..., None] - centres) ** 2) / 18.0)
    spots = falloff[:, :, 1, :, None] * falloff[:, :, 0, None, :]
    colour = (60 + 190 * spots).movedim(1, -1)
    pixels = torch.cat([colour, torch.full_like(colour[..., :1], 255.0)], dim=-1).byte()
    return pixels, places.repeat(1, 23, 1)[:, :68]


def test_it_learns_to_find_what_it_has_seen_elsewhere(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"steps": 160, "learning_rate": 5e-3})
    net, (pixels, landmarks) = network(config), spotted(64, seed=1)
    held_out, places = spotted(8, seed=9)
    with deterministic(1):
        train_localiser(config, net, pixels, landmarks, TrainingPart(0, "toy", tmp_path, None))
        error = (net.peaks(held_out) - places).abs().mean()
        assert (net.peaks(pixels) - landmarks).abs().mean() < 1.0
    spread = (places - 32.0).abs().mean()
    assert spread > 3.5
    assert error < 1.0
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_peaks_in_a_crop_do_not_depend_on_the_crops_beside_it() -> None:
    net, pixels = network().eval(), pixels_of(1)
    torch.testing.assert_close(net.peaks(pixels)[2:3], net.peaks(pixels[2:3]), atol=1e-4, rtol=0)


def test_exact_peaks_suggest_a_nearer_head_than_the_detector_does() -> None:
    """The landmark encoder takes both: fitted on misdetected landmarks and exact peaks, it goes by
    the peaks."""
    targets, views = head_targets(), misdetected(VIEWS)
    crops = crop_views(placed_views(views, TEMPLATE), TEMPLATE.nose_bridge, TOY.image_px, 280.0)
    exact = true_peaks(crops, views, true_landmarks(views))
    errors = {}
    for name, config in {"detector": TOY, "both": TRAINED}.items():
        network = build(config, targets, TEMPLATE, 0)
        encoder = network.landmark_encoder
        assert encoder is not None
        points = torch.cat([targets, targets[:, : len(network.keypoint_template)]], dim=1)
        located = network.located(crops.landmarks, exact)
        encoder.fit(located, crops.projection, crops.head, points, crops.head)
        found = encoder(located[:, None], crops.projection[:, None]).differences
        heads = network.template + found[:, : len(network.template)]
        errors[name] = float((heads - targets[crops.head]).norm(dim=-1).mean())
    assert errors["both"] < errors["detector"]


def test_peaks_are_needed_where_it_was_trained() -> None:
    network = build(TRAINED, head_targets(), TEMPLATE, 0)
    crops = crop_views(placed_views(VIEWS, TEMPLATE), TEMPLATE.nose_bridge, TOY.image_px, 280.0)
    images = network_images(crops.pixels)[:1, None]
    batch = ViewBatch(images, crops.landmarks[:1, None], crops.projection[:1, None])
    with pytest.raises(ValueError, match="need the peaks"):
        network.encode(batch)


def test_the_descents_training_leaves_it_as_it_is(tmp_path: Path) -> None:
    """Its weights are those of the last step of its own training; the curve counts it first."""
    result = train(TRAINED, HEADS, VIEWS, TEMPLATE, tmp_path, tmp_path / "ck")
    steps = [record["step"] for record in result.curve if "heatmap_loss" in record]
    assert steps == [-50, -40, -30, -20, -10, 0]
    last, _ = read_safetensors(tmp_path / "ck" / "localiser" / "step-00000060.safetensors")
    trained = load_weights(result.weights).network.localiser
    assert trained is not None
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(value, last[f"model.{name}"], atol=0, rtol=0)


@pytest.mark.parametrize("stop_at", [20, 50, 70])
def test_a_kill_in_either_part_gives_the_same_file(tmp_path: Path, stop_at: int) -> None:
    def stop(step: int, _steps: int, _record: dict[str, float]) -> None:
        if step == stop_at:
            raise KeyboardInterrupt

    whole = train(TRAINED, HEADS, VIEWS, TEMPLATE, tmp_path / "a", tmp_path / "a" / "ck")
    with pytest.raises(KeyboardInterrupt):
        train(TRAINED, HEADS, VIEWS, TEMPLATE, tmp_path / "b", tmp_path / "b" / "ck", progress=stop)
    resumed = train(TRAINED, HEADS, VIEWS, TEMPLATE, tmp_path / "b", tmp_path / "b" / "ck")
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()
    assert resumed.curve == whole.curve


@pytest.mark.parametrize(
    ("size", "heatmaps", "before"),
    [
        ("small", None, 0),
        ("small", "trained", SIZES["small"].localiser.steps),
        ("medium", None, SIZES["medium"].localiser.steps),
        ("medium", "mediapipe", 0),
    ],
)
def test_progress_counts_its_steps_where_it_is_trained(
    size: str, heatmaps: str | None, before: int
) -> None:
    params = load_params(PROJECT / "params.yaml")
    overrides = {} if heatmaps is None else {"heatmaps": heatmaps}
    glvd = params.systems["glvd"].model_copy(update={"size": size, "overrides": overrides})
    params = params.model_copy(update={"systems": {**params.systems, "glvd": glvd}})
    expected = SIZES[size].sdf_steps + SIZES[size].steps
    glvd_steps, lvd_steps = (
        SYSTEMS[name].steps(config_of(SYSTEMS[name], params, PROJECT)) for name in ("glvd", "lvd")
    )
    assert glvd_steps == before + expected
    assert lvd_steps == SIZES[params.systems["lvd"].size].steps
