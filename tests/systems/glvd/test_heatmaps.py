"""Sources of f_k's heatmaps: the detector, the truth, or a network of the user's own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from headwater.cli import app, run
from headwater.config import Params, SystemSettings, load_params
from headwater.data.canonical import to_canonical
from headwater.data.crops import crop_views, network_images
from headwater.data.placement import in_canonical_frame, place_views
from headwater.data.scenes import Heads, Views
from headwater.errors import HeadwaterError
from headwater.networks.frozen_net import FrozenNet, open_net, read_net
from headwater.systems import SYSTEMS
from headwater.systems.glvd.answer import reconstruct
from headwater.systems.glvd.config import SIZES, GlvdConfig, HeatmapInput
from headwater.systems.glvd.data import ViewBatch
from headwater.systems.glvd.heatmap_net import network_heat, with_net
from headwater.systems.glvd.heatmaps import heatmaps
from headwater.systems.glvd.train import build, train
from headwater.systems.glvd.weights import TrainedGlvd, load, load_weights, save_weights
from headwater.systems.settings import check_systems, config_of
from headwater.systems.stages import train_stage
from tasks.other_heads import inner_params
from tests.networks.onnx_files import constant, onnx_file
from tests.systems.judging import judged
from tests.systems.toy_heads import toy_cases, toy_heads, toy_template, toy_views, train_in

PROJECT = Path(__file__).resolve().parents[3]
TEMPLATE = toy_template()
HEADS = toy_heads(2, seed=1)
VIEWS = toy_views(HEADS, 3, seed=2)
TOY = SIZES["smoke"].model_copy(
    update={
        "depth": 1,
        "keypoint_depth": 1,
        "steps": 120,
        "points": 128,
        "learning_rate": 5e-3,
        "clamp_mm": 40.0,
        "checkpoint_every": 120,
    }
)
SIDE = TOY.image_px // TOY.stride
POOLING = onnx_file("AveragePool", kernel_shape=[4, 4], strides=[4, 4])


def opened(path: Path, content: bytes) -> FrozenNet:
    path.write_bytes(content)
    return open_net(path, read_net(path), TOY.image_px, TOY.threads)


def of_net(net: FrozenNet, config: GlvdConfig = TOY) -> GlvdConfig:
    source = HeatmapInput(source="net", maps=net.maps, net=net.path.name, sha256=net.sha256)
    return config.model_copy(update={"heatmaps": source})


def fit(
    config: GlvdConfig, heads: Heads, views: Views, folder: Path, net: FrozenNet | None = None
) -> Path:
    return train_in(folder, train, config, heads, views, heatmap_net=net).weights


def test_heatmaps_peak_at_their_landmarks_and_are_empty_without() -> None:
    landmarks = torch.full((1, 68, 2), float("nan"))
    landmarks[0, 3] = torch.tensor([21.0, 9.0])
    maps = heatmaps(landmarks, image_px=64, side=32, sigma_cells=1.0)
    assert maps[0, 3].flatten().argmax() == (9 // 2) * 32 + 21 // 2
    assert maps[0, [i for i in range(68) if i != 3]].abs().max() == 0
    assert maps[0, 3, 4, 10] == pytest.approx(1.0)


def test_a_network_sees_the_clean_crop_with_its_background(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (5, 64, 64, 4), dtype=torch.uint8)
    net = opened(tmp_path / "net.onnx", POOLING)
    heat = network_heat(net, pixels, TOY)
    expected = functional.avg_pool2d(pixels[..., :3].movedim(-1, 1).float() / 255.0, 4)
    assert net.maps == 3
    assert (heat.dtype, heat.requires_grad) == (torch.float16, False)
    torch.testing.assert_close(heat.float(), expected, atol=1e-3, rtol=0)
    assert torch.equal(network_heat(net, pixels, TOY), heat)
    assert torch.equal(network_heat(net, pixels[3:4], TOY), heat[3:4])
    mirrored = network_heat(net, pixels.flip(2), TOY)
    torch.testing.assert_close(mirrored.float(), heat.flip(3).float(), atol=1e-3, rtol=0)


def test_heatmaps_of_any_size_are_kept_no_larger_than_the_feature_maps(tmp_path: Path) -> None:
    pixels = torch.zeros(2, 64, 64, 4, dtype=torch.uint8)
    ramp = np.linspace(0, 1, 40)[None, None, None].repeat(30, axis=2)
    large = network_heat(opened(tmp_path / "large.onnx", constant(ramp)), pixels, TOY)
    assert large.shape == (2, 1, SIDE, SIDE)
    np.testing.assert_allclose(large[0, 0, 3], np.linspace(0, 1, SIDE), atol=0.03)
    small = network_heat(
        opened(tmp_path / "small.onnx", constant(np.ones((1, 5, 6, 7)))), pixels, TOY
    )
    assert small.shape == (2, 5, 6, 7)


def test_a_network_that_draws_the_same_gaussians_gives_the_same_features(tmp_path: Path) -> None:
    """Of one view, with the same weights, as the Gaussians that are built in."""
    view = VIEWS.choose(np.array([1]))
    built_in = TrainedGlvd(build(TOY, head_targets(), TEMPLATE, 3).eval(), TOY, TEMPLATE)
    placed = in_canonical_frame(view, place_views(view, TEMPLATE))
    crops = crop_views(placed, TEMPLATE.nose_bridge, TOY.image_px, TOY.crop_mm)
    drawn = heatmaps(crops.landmarks, TOY.image_px, SIDE, TOY.heatmap_sigma_cells)
    net = opened(tmp_path / "net.onnx", constant(drawn.numpy()))
    config = of_net(net)
    network = build(config, head_targets(), TEMPLATE, 3).eval()
    batch = ViewBatch(
        network_images(crops.pixels)[None],
        crops.landmarks[None],
        crops.projection[None],
        crops.projection[None],
        crops.estimated[None],
    )
    own = replace(batch, heat=network_heat(net, crops.pixels, config)[None])
    expected, found = built_in.network.encode(batch), network.encode(own)
    torch.testing.assert_close(found.keypoints.maps, expected.keypoints.maps, atol=2e-3, rtol=1e-2)
    assert torch.equal(found.vertices.maps, expected.vertices.maps)
    with_net = reconstruct(TrainedGlvd(network, config, TEMPLATE, net), view)
    without = reconstruct(built_in, view)
    np.testing.assert_allclose(with_net.vertices, without.vertices, atol=0.1)


def head_targets() -> Tensor:
    return torch.from_numpy(to_canonical(HEADS.vertices, TEMPLATE.nose_bridge))


def test_no_gradient_reaches_the_network_or_its_heatmaps() -> None:
    config = TOY.model_copy(update={"heatmaps": HeatmapInput(source="net", maps=3)})
    network = build(config, head_targets(), TEMPLATE, 0)
    heat = torch.rand(2, 1, 3, 9, 9, requires_grad=True)
    images = torch.rand(2, 1, 4, TOY.image_px, TOY.image_px)
    given = torch.zeros(2, 1, dtype=torch.bool)
    cameras = torch.rand(2, 1, 3, 4)
    batch = ViewBatch(images, torch.zeros(2, 1, 68, 2), cameras, cameras, given, None, heat)
    network.encode(batch).keypoints.maps.square().sum().backward()
    assert heat.grad is None
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.f_v.parameters())


def test_training_with_a_network_gives_weights_that_need_that_very_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    net = opened(path, POOLING)
    config = of_net(net).model_copy(update={"steps": 20, "most_views": 3, "checkpoint_every": 20})
    weights = fit(config, HEADS, VIEWS, tmp_path, net)
    trained = load_weights(weights, path)
    assert trained.config.heatmaps == HeatmapInput(
        source="net", maps=3, net="mine.onnx", sha256=net.sha256
    )
    found = judged(trained, toy_cases(HEADS, VIEWS))
    assert [one.question.conditions["views"] for one in found] == 2 * [1, 3, 1]
    again = fit(config, HEADS, VIEWS, tmp_path / "again", net)
    assert again.read_bytes() == weights.read_bytes()
    with pytest.raises(HeadwaterError, match=r"trained with the heatmap network mine\.onnx .*name"):
        load_weights(weights)
    other = tmp_path / "other.onnx"
    other.write_bytes(onnx_file("MaxPool", kernel_shape=[4, 4], strides=[4, 4]))
    with pytest.raises(HeadwaterError, match=r"mine\.onnx .* and .*other\.onnx is another"):
        load_weights(weights, other)
    with pytest.raises(HeadwaterError, match="no readable network"):
        load_weights(weights, tmp_path / "none.onnx")


def test_another_network_is_another_training(tmp_path: Path) -> None:
    """The network's own heatmaps are what is trained on, not those of a run that was stopped."""
    pooling, largest = (
        opened(tmp_path / f"{name}.onnx", onnx_file(name, kernel_shape=[4, 4], strides=[4, 4]))
        for name in ("AveragePool", "MaxPool")
    )
    short = TOY.model_copy(update={"steps": 10, "checkpoint_every": 10})
    one = fit(of_net(pooling, short), HEADS, VIEWS, tmp_path, pooling).read_bytes()
    same_checkpoints = fit(of_net(largest, short), HEADS, VIEWS, tmp_path, largest).read_bytes()
    assert same_checkpoints != one
    assert (
        same_checkpoints
        == fit(of_net(largest, short), HEADS, VIEWS, tmp_path / "fresh", largest).read_bytes()
    )


def test_weights_without_a_network_refuse_one(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(path, TrainedGlvd(build(TOY, head_targets(), TEMPLATE, 0), TOY, TEMPLATE))
    assert load_weights(path).config == TOY
    with pytest.raises(HeadwaterError, match=r"heatmaps 'mediapipe', .* leave .*net\.onnx out"):
        load_weights(path, tmp_path / "net.onnx")


def test_the_command_names_the_network_that_the_weights_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = opened(tmp_path / "mine.onnx", POOLING)
    config = of_net(net)
    weights, photo = tmp_path / "weights.safetensors", tmp_path / "photo.jpg"
    network = build(config, head_targets(), TEMPLATE, 0)
    save_weights(weights, TrainedGlvd(network, config, TEMPLATE))
    photo.write_bytes(b"no photo")
    call = ["reconstruct", str(photo), "-o", str(tmp_path / "out"), "--weights", str(weights)]
    assert run(app, call) == 2
    assert "mine.onnx" in (said := capsys.readouterr().err)
    assert "--heatmaps" in said
    assert run(app, [*call, "--heatmaps", str(tmp_path / "mine.onnx")]) == 1


def test_heatmaps_beyond_float16_are_refused(tmp_path: Path) -> None:
    net = opened(tmp_path / "high.onnx", constant(np.full((1, 2, 8, 8), 1e5)))
    with pytest.raises(HeadwaterError, match=r"high\.onnx: gives heatmaps beyond 65504"):
        network_heat(net, torch.zeros(1, 64, 64, 4, dtype=torch.uint8), TOY)


def params_with(heatmaps: object, size: str = "smoke") -> Params:
    params = load_params(PROJECT / "params.yaml")
    overrides = {} if heatmaps is None else {"heatmaps": heatmaps}
    glvd = SystemSettings(size=size, device="cpu", overrides=overrides)
    return params.model_copy(update={"systems": {**params.systems, "glvd": glvd}})


def configured(heatmaps: object, project: Path, size: str = "smoke") -> GlvdConfig:
    config: GlvdConfig = config_of(SYSTEMS["glvd"], params_with(heatmaps, size), project)
    return config


def test_the_parameters_say_where_heatmaps_come_from(tmp_path: Path) -> None:
    smoke, medium = SIZES["smoke"], SIZES["medium"]
    assert with_net(configured("mediapipe", tmp_path)) == (smoke, None)
    assert with_net(configured(None, tmp_path)) == (smoke, None)
    assert with_net(configured(None, tmp_path, "medium")) == (medium, None)
    assert not configured("mediapipe", tmp_path, "medium").trains_localiser
    assert configured("oracle", tmp_path).heatmaps == HeatmapInput(source="oracle")
    (tmp_path / "a.onnx").write_bytes(POOLING)
    config, net = with_net(configured("a.onnx", tmp_path))
    assert net is not None
    assert config.of_training() == of_net(net, smoke).of_training()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("fan", r"systems\.glvd\.overrides\.heatmaps is 'fan'"),
        ("net.h5", r"systems\.glvd\.overrides\.heatmaps is 'net\.h5'"),
        ("net.pt", r"systems\.glvd\.overrides\.heatmaps is 'net\.pt'"),
        ("none.onnx", r"heatmaps is 'none\.onnx', but there is no such file"),
        ({"sorce": "oracle"}, r"unknown key systems\.glvd\.overrides\.heatmaps\.sorce; .*source"),
    ],
)
def test_wrong_heatmaps_are_refused_before_anything_runs(
    tmp_path: Path, value: object, said: str
) -> None:
    with pytest.raises(HeadwaterError, match=said):
        check_systems(params_with(value), tmp_path)
    # The build of the other test set has a folder of its own, and trains nothing.
    check_systems(inner_params(params_with("none.onnx"), tmp_path), tmp_path)


def test_the_training_stage_refuses_a_wrong_network_before_it_reads_a_table(tmp_path: Path) -> None:
    (tmp_path / "flat.onnx").write_bytes(onnx_file("Flatten"))
    with pytest.raises(HeadwaterError, match=r"flat\.onnx: gives"):
        train_stage(SYSTEMS["glvd"], params_with("flat.onnx"), tmp_path, tmp_path / "ck")


def test_answers_take_the_network_of_the_parameters(tmp_path: Path) -> None:
    net = opened(tmp_path / "mine.onnx", POOLING)
    config = of_net(net)
    weights = tmp_path / "data" / "train" / "glvd" / "weights.safetensors"
    network = build(config, head_targets(), TEMPLATE, 0)
    weights.parent.mkdir(parents=True)
    save_weights(weights, TrainedGlvd(network, config, TEMPLATE))
    with pytest.raises(HeadwaterError, match=r"mine\.onnx .*heatmaps"):
        load(weights, configured("mediapipe", tmp_path), "cpu")
    assert load(weights, configured("mine.onnx", tmp_path), "cpu").heatmap_net is not None
