"""The heatmap network that is trained on the same heads: how it reads, learns and resumes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from headwater.config import load_params
from headwater.data.augmentation import jittered
from headwater.data.crops import crop_views, network_images, projected_points
from headwater.data.mirror import mirror_of
from headwater.data.placement import placed_views
from headwater.networks.landmark_encoder import LandmarkViews
from headwater.networks.localiser.config import LocaliserConfig
from headwater.networks.localiser.network import Localiser
from headwater.networks.localiser.points import localised_points
from headwater.networks.localiser.training import heatmap_losses, train_localiser
from headwater.networks.vertex_descent.training import TrainingPart
from headwater.systems import SYSTEMS
from headwater.systems.glvd.answer import reconstruct
from headwater.systems.glvd.config import SIZES, HeatmapInput
from headwater.systems.glvd.data import ViewBatch
from headwater.systems.glvd.train import build, train
from headwater.systems.glvd.weights import load_weights
from headwater.systems.settings import config_of
from headwater.training.checkpoint import read_safetensors
from headwater.training.determinism import deterministic
from tests.systems.glvd.test_heatmaps import HEADS, TEMPLATE, TOY, VIEWS, head_targets
from tests.systems.glvd.test_oracle_heatmaps import misdetected, true_landmarks
from tests.systems.toy_heads import toy_heads, toy_views, train_in

PROJECT = Path(__file__).parents[3]
CONFIG = LocaliserConfig(stride=2, width=16, depth=2, steps=60, batch=4, checkpoint_every=20)
TRAINED = TOY.model_copy(
    update={
        "heatmaps": HeatmapInput(source="trained"),
        "localiser": CONFIG,
        "steps": 20,
        "checkpoint_every": 20,
    }
)


def network(config: LocaliserConfig = CONFIG, image_px: int = 64) -> Localiser:
    torch.manual_seed(0)
    return Localiser(config, image_px, 68)


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


def gaussian(net: Localiser, middle: tuple[float, float], sigma_px: float) -> torch.Tensor:
    """Log-probabilities (1, 68, h, w) of a round Gaussian at a place in the crop."""
    x, y = ((net.centres() - place) ** 2 for place in middle)
    maps = -0.5 * (x[None, :] + y[:, None]) / sigma_px**2
    return maps.flatten().log_softmax(0).reshape(1, 1, *maps.shape).repeat(1, 68, 1, 1)


def test_a_gaussian_is_read_as_its_middle_and_its_width() -> None:
    net = network()
    maps = gaussian(net, (30.3, 33.7), 5.0)
    torch.testing.assert_close(
        net.expected(maps)[0, 0], torch.tensor([30.3, 33.7]), atol=1e-2, rtol=0
    )
    torch.testing.assert_close(net.spreads(maps), torch.full((1, 68), 5.0), atol=1e-2, rtol=0)


def test_a_spread_is_calibrated_by_a_power_and_a_factor_in_cells() -> None:
    """A width of 4 px is two cells: to the power of a half and times 3 it is 3 sqrt(2) cells."""
    net = network()
    with torch.no_grad():
        net.calibration[:] = torch.tensor([0.5, np.log(3.0)])
    spreads = net.spreads(gaussian(net, (32.0, 32.0), 4.0))
    torch.testing.assert_close(spreads, torch.full((1, 68), 2.0 * 3.0 * 2**0.5), atol=0.02, rtol=0)


def test_the_spreads_loss_is_the_likelihood_of_the_errors_and_leaves_the_places_alone() -> None:
    """By hand: errors of 3 and 4 px at a spread of 4 px, which is two cells."""
    net = network()
    maps = gaussian(net, (32.0, 32.0), 4.0).requires_grad_()
    point = torch.tensor([35.0, 28.0]).expand(1, 68, 2)
    loss = heatmap_losses(net, maps, point, 1.0)["spread_loss"]
    # Of either axis half the squared error in spreads, plus the logarithm of the spread in cells.
    by_hand = 0.5 * (0.75**2 + 1.0**2) / 2 + np.log(2.0)
    assert loss.item() == pytest.approx(by_hand, abs=0.01)
    (slope,) = torch.autograd.grad(loss, net.calibration, retain_graph=True)
    # d/df of log s + e^2 / (2 s^2) where log s = power log(2) + f; the mean over axes and points.
    of_factor = (1.0 - (0.75**2 + 1.0**2) / 2) / 68
    torch.testing.assert_close(slope[:, 1], torch.full((68,), of_factor), atol=1e-4, rtol=0)
    torch.testing.assert_close(slope[:, 0], np.log(2.0) * slope[:, 1], atol=1e-4, rtol=0)
    assert torch.autograd.grad(loss, maps, allow_unused=True)[0] is None


def test_the_gradients_of_all_losses_are_those_of_differences() -> None:
    """Of maps of 6 x 6 cells in double precision."""
    torch.manual_seed(0)
    net = Localiser(CONFIG, 16, 3).double()
    points = 8.0 + torch.randn(2, 3, 2, dtype=torch.float64)
    logits = torch.randn(2, 3, 6, 6, dtype=torch.float64, requires_grad=True)

    def losses(given: torch.Tensor) -> dict[str, torch.Tensor]:
        return heatmap_losses(
            net, given.flatten(2).log_softmax(-1).unflatten(2, (6, 6)), points, 1.0
        )

    for name in ("heatmap_loss", "localisation_loss"):
        assert torch.autograd.gradcheck(lambda one, name=name: losses(one)[name], (logits,))

    def calibrated(calibration: torch.Tensor) -> torch.Tensor:
        spread = torch.func.functional_call(
            Spreads(net), {"net.calibration": calibration}, logits.detach()
        )
        return spread.log().sum()

    assert torch.autograd.gradcheck(calibrated, (net.calibration,))


class Spreads(nn.Module):
    """The spreads of logits under a localiser's calibration."""

    def __init__(self, net: Localiser) -> None:
        super().__init__()
        self.net = net

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        maps = logits.flatten(2).log_softmax(-1).unflatten(2, logits.shape[2:])
        return self.net.spreads(maps)


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
        train_localiser(
            config, net, pixels, landmarks, TrainingPart(0, tmp_path, fingerprint="toy")
        )
        errors = net.localise(held_out).places - places
        assert (net.localise(pixels).places - landmarks).abs().mean() < 1.0
        spreads = net.localise(held_out).spreads.square().mean().sqrt()
    spread = (places - 32.0).abs().mean()
    assert spread > 3.5
    assert errors.abs().mean() < 1.0
    assert 0.7 < float(errors.square().mean().sqrt() / spreads) < 1.4
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_peaks_in_a_crop_do_not_depend_on_the_crops_beside_it() -> None:
    net, pixels = network().eval(), pixels_of(1)
    beside, alone = net.localise(pixels), net.localise(pixels[2:3])
    torch.testing.assert_close(beside.places[2:3], alone.places, atol=1e-4, rtol=0)
    torch.testing.assert_close(beside.spreads[2:3], alone.spreads, atol=1e-4, rtol=0)


def test_exact_peaks_suggest_a_nearer_head_than_the_detector_does() -> None:
    """The landmark encoder takes both: fitted on misdetected landmarks and exact peaks, it goes by
    the peaks."""
    targets, views = head_targets(), misdetected(VIEWS)
    crops = crop_views(placed_views(views, TEMPLATE), TEMPLATE.nose_bridge, TOY.image_px, 280.0)
    exact = projected_points(crops, views, true_landmarks(views))
    errors = {}
    for name, config in {"detector": TOY, "both": TRAINED}.items():
        network = build(config, targets, TEMPLATE, 0)
        encoder = network.landmark_encoder
        assert encoder is not None
        points = torch.cat([targets, targets[:, : len(network.keypoint_template)]], dim=1)
        located = network.located(crops.landmarks, exact)
        given = LandmarkViews(located, crops.projection, crops.estimated, crops.head, crops.head)
        encoder.fit(given, points, torch.zeros(points.shape[1]))
        every = located[:, None], crops.projection[:, None], crops.estimated[:, None]
        found = encoder(*every).differences
        heads = network.template + found[:, : len(network.template)]
        errors[name] = float((heads - targets[crops.head]).norm(dim=-1).mean())
    assert errors["both"] < errors["detector"]


def test_peaks_are_needed_where_it_was_trained() -> None:
    network = build(TRAINED, head_targets(), TEMPLATE, 0)
    crops = crop_views(placed_views(VIEWS, TEMPLATE), TEMPLATE.nose_bridge, TOY.image_px, 280.0)
    images = network_images(crops.pixels)[:1, None]
    landmarks, projection = crops.landmarks[:1, None], crops.projection[:1, None]
    batch = ViewBatch(images, landmarks, projection, projection, crops.estimated[:1, None])
    with pytest.raises(ValueError, match="need the peaks"):
        network.encode(batch)


def test_it_learns_from_crops_of_given_cameras_alone(tmp_path: Path) -> None:
    """Nobody knows where estimated ones show the true points; the descent learns from them too."""
    few = TRAINED.model_copy(update={"localiser": CONFIG.model_copy(update={"steps": 20})})
    estimated = np.arange(len(VIEWS)) % 2 > 0
    result = train_in(tmp_path, train, few, HEADS, replace(VIEWS, estimated=estimated))
    losses = [value for record in result.curve for name, value in record.items() if "loss" in name]
    assert losses
    assert np.isfinite(losses).all()


def test_the_descents_training_leaves_it_as_it_is(tmp_path: Path) -> None:
    """Its weights are those of the last step of its own training; the curve counts it first."""
    result = train_in(tmp_path, train, TRAINED, HEADS, VIEWS)
    steps = [record["step"] for record in result.curve if "heatmap_loss" in record]
    assert steps == [-50, -40, -30, -20, -10, 0]
    last, _ = read_safetensors(tmp_path / "checkpoints" / "localiser" / "step-00000060.safetensors")
    trained = load_weights(result.weights).network.localiser
    assert trained is not None
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(value, last[f"model.{name}"], atol=0, rtol=0)


@pytest.mark.parametrize(
    "stop_at",
    [20, 50, 70],
)
@pytest.mark.slow
def test_a_kill_in_either_part_gives_the_same_file(tmp_path: Path, stop_at: int) -> None:
    def stop(step: int, _steps: int, _record: dict[str, float]) -> None:
        if step == stop_at:
            raise KeyboardInterrupt

    whole = train_in(tmp_path / "a", train, TRAINED, HEADS, VIEWS)
    with pytest.raises(KeyboardInterrupt):
        train_in(tmp_path / "b", train, TRAINED, HEADS, VIEWS, progress=stop)
    resumed = train_in(tmp_path / "b", train, TRAINED, HEADS, VIEWS)
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


def test_points_of_the_face_go_through_training_weights_and_answers(tmp_path: Path) -> None:
    """Six vertices beside the landmarks: found, given to the encoder, and drawn in no heatmap."""
    config = TRAINED.model_copy(
        update={
            "localiser": CONFIG.model_copy(
                update={"face_points": 6, "steps": 100, "learning_rate": 5e-3}
            ),
            "steps": 20,
        }
    )
    result = train_in(tmp_path, train, config, HEADS, VIEWS)
    trained = load_weights(result.weights)
    localiser, encoder = trained.network.localiser, trained.network.landmark_encoder
    assert localiser is not None
    assert encoder is not None
    points = localised_points(TEMPLATE, 6, mirror_of(TEMPLATE))
    usual = torch.from_numpy(points.on(trained.network.template.numpy()))
    torch.testing.assert_close(encoder.template, torch.cat([usual[:68], usual]), atol=1e-4, rtol=0)
    assert torch.count_nonzero(encoder.weight[:, :, 6 * 2 * (68 + 68) : 6 * 2 * (68 + 68 + 6)])
    view = VIEWS.choose(np.array([0]))
    before = reconstruct(trained, view).suggested
    with torch.no_grad():
        localiser.net.stacks[0].out.bias += 0.1 * torch.arange(74.0)
        localiser.net.stacks[0].out.weight[68:] *= 0.5
    after = reconstruct(trained, view).suggested
    assert np.abs(after - before).max() > 1e-3
