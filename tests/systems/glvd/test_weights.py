"""Weights of strangers: what does not fit together is refused by one sentence."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import Tensor

from headwater.data.canonical import to_canonical
from headwater.errors import HeadwaterError
from headwater.systems.glvd.train import build
from headwater.systems.glvd.weights import TrainedGlvd, load_weights, save_weights
from headwater.training.checkpoint import read_safetensors, safetensors_bytes
from tests.systems.toy_heads import TOY_CONFIG, toy_heads, toy_template


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained network."""
    template = toy_template()
    targets = torch.from_numpy(to_canonical(toy_heads(2, seed=1).vertices, template.nose_bridge))
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_weights(path, TrainedGlvd(build(TOY_CONFIG, targets, template, 0), TOY_CONFIG, template))
    return path


def test_sound_weights_come_back(sound: Path) -> None:
    trained = load_weights(sound)
    assert trained.config == TOY_CONFIG
    np.testing.assert_array_equal(trained.template.mean, toy_template().mean)
    tensors, _ = read_safetensors(sound)
    for name, value in trained.network.state_dict().items():
        assert torch.equal(value, tensors[f"model.{name}"])


def test_weights_are_read_without_torch_s_compiler(sound: Path) -> None:
    """Which takes more time to import than all else that an answer needs."""
    code = (
        "import sys; from pathlib import Path;"
        "from headwater.systems.glvd.weights import load_weights;"
        "load_weights(Path(sys.argv[1])); print({'torch._dynamo', 'sympy'} & set(sys.modules))"
    )
    done = subprocess.run(
        (sys.executable, "-c", code, str(sound)), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("template.faces", lambda t: t + 10_000, "a face names vertex"),
        ("template.faces", lambda t: t[:, :2], "has no triangles"),
        ("template.faces", lambda t: t.float(), "template is none"),
        ("template.mean", lambda t: t * torch.nan, "not finite"),
        ("template.mean", lambda t: t[:, :2], "has no triangles"),
        ("template.surface", lambda t: t[:-1], "template is none"),
        ("template.landmark_triangles", lambda t: t - 10_000, "template is none"),
        ("template.landmark_weights", lambda t: t[:50], "template is none"),
        ("template.mean", lambda t: t * 0, "heads are 60 to 700"),
        ("template.mean", lambda t: t * 1e20, "heads are 60 to 700"),
        ("template.faces", lambda t: t * 0, "template is none"),
        ("template.surface", lambda t: t * 0 + 200, "template is none"),
        ("template.surface", lambda t: t * 0 + 1, "template is none"),
        ("template.landmark_weights", lambda t: t * 0, "template is none"),
        ("template.landmark_weights", lambda t: t * 1e6, "template is none"),
        ("template.landmark_triangles", lambda t: t * 0, "template is none"),
        ("model.template", lambda t: t.double(), "template .*float64"),
        ("model.g_v.smoothing", lambda t: t.half(), "g_v.smoothing .*float16"),
        ("model.g_v.smoothing", lambda t: t.int(), "g_v.smoothing .*int32"),
        ("model.g_v.smoothing", lambda t: t.bool(), "g_v.smoothing .*bool"),
        ("model.template", lambda t: t[:-1], "for another template"),
        ("model.keypoint_template", lambda t: t[:-1], "not those of its config"),
        ("model.g_v.smoothing", lambda t: t * torch.nan, "g_v.smoothing .*not finite"),
        ("model.g_v.smoothing", lambda t: t[:, :3], "not those of its config"),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    sound: Path, tmp_path: Path, name: str, change: Callable[[Tensor], Tensor], said: str
) -> None:
    tensors, notes = read_safetensors(sound)
    tensors[name] = change(tensors[name])
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(tensors, notes))
    with pytest.raises(HeadwaterError, match=rf"weights\.safetensors: .*{said}") as error:
        load_weights(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("missing", ["template.mean", "model.template", "model.keypoint_template"])
def test_a_missing_array_is_named(sound: Path, tmp_path: Path, missing: str) -> None:
    tensors, notes = read_safetensors(sound)
    del tensors[missing]
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(tensors, notes))
    with pytest.raises(HeadwaterError, match="no readable weights"):
        load_weights(path)


@pytest.mark.parametrize(
    "change", [{"hidden": 10**6}, {"depth": 10**9}, {"image_px": 10**9}, {"width": 65_536}]
)
def test_a_config_that_asks_for_a_giant_costs_nothing(
    sound: Path, tmp_path: Path, change: dict[str, int]
) -> None:
    tensors, notes = read_safetensors(sound)
    notes["config"] |= change
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(tensors, notes))
    with pytest.raises(HeadwaterError, match=r"no readable weights") as error:
        load_weights(path)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff" * 64, bytes(64), b"\x08" + bytes(7) + b"[" * 8]
)
def test_files_that_hold_none_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(HeadwaterError, match="no readable weights"):
        load_weights(path)


def test_no_flipped_bit_is_loaded(sound: Path, tmp_path: Path) -> None:
    """In a tensor, or anywhere in the header; a header of another look holds the same content."""
    content = sound.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    tensors, notes = read_safetensors(sound)
    path = tmp_path / "weights.safetensors"
    rng = random.Random(1)
    places = [rng.randrange(header) for _ in range(30)]
    places += [rng.randrange(header, len(content)) for _ in range(30)]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        said = refusal(path)
        if said is None:
            assert place < header
            again, same_notes = read_safetensors(path)
            assert same_notes == notes
            assert again.keys() == tensors.keys()
            assert all(torch.equal(again[name], tensors[name]) for name in tensors)
        else:
            assert said.startswith(f"{path}: no readable weights (")
            assert "\n" not in said


def refusal(path: Path) -> str | None:
    try:
        load_weights(path)
    except HeadwaterError as error:
        return str(error)
    return None


def test_a_file_without_a_digest_says_to_train_again(sound: Path, tmp_path: Path) -> None:
    tensors, notes = read_safetensors(sound)
    path = tmp_path / "weights.safetensors"
    plain = {name: value.numpy() for name, value in tensors.items()}
    path.write_bytes(safetensors.numpy.save(plain, {"headwater": json.dumps(notes)}))
    with pytest.raises(HeadwaterError, match=r"it holds no digest .* train them again"):
        load_weights(path)
