"""Frozen networks of users: refused with a sentence, or run on images as they are."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from headwater.errors import HeadwaterError
from headwater.networks.frozen_net import FrozenNet, open_net, read_net
from tests.networks.onnx_files import constant, onnx_file

SIDE = 64


def opened(path: Path, content: bytes) -> FrozenNet:
    path.write_bytes(content)
    return open_net(path, read_net(path), SIDE, threads=1)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("junk.onnx", b"junk" * 9, "not a usable ONNX network: .*protobuf"),
        ("empty.onnx", b"", "not a usable ONNX network"),
        ("odd.onnx", onnx_file("Nonsense"), "not a usable ONNX network: .*Nonsense"),
        ("double.onnx", onnx_file("Cast", input_type=11, to=1), r"tensor\(double\).*float32"),
        ("whole.onnx", onnx_file("Cast", to=7, output_type=7), r"output is a tensor\(int64\)"),
        ("two.onnx", onnx_file("Split", axis=3, outputs=2), "1 inputs and 2 outputs"),
        ("flat.onnx", onnx_file("Flatten"), r"gives .*\(1, 12288\) for images \(1, 3, 64, 64\)"),
        ("nan.onnx", onnx_file("Add", np.full(1, np.nan)), "not finite"),
        ("batch.onnx", constant(np.ones((2, 5, 8, 8))), r"gives .*\(2, 5, 8, 8\)"),
        (
            "seven.onnx",
            onnx_file("Conv", np.ones((4, 7, 3, 3))),
            r"does not take images \(1, 3, 64, 64\)",
        ),
        ("size.onnx", onnx_file("Identity", side=256), "Got: 64 Expected: 256"),
        ("net.pt", b"PK\x03\x04", "a network is an .onnx file"),
    ],
)
def test_a_file_that_is_no_such_network_says_why(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    with pytest.raises(HeadwaterError, match=said) as error:
        opened(path, content)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_network_that_asks_for_too_much_memory_is_refused(tmp_path: Path) -> None:
    """It repeats an image half a million times: 24 GB."""
    content = onnx_file("Expand", np.array([500_000, 3, 64, 64]), constant_type=7)
    with pytest.raises(HeadwaterError, match=r"repeat\.onnx: does not take images .*memory"):
        opened(tmp_path / "repeat.onnx", content)


def test_weights_in_a_second_file_are_refused_also_where_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sha256 of the network would not be that of its weights."""
    monkeypatch.chdir(tmp_path)
    np.ones(4, np.float32).tofile("net.data")
    content = onnx_file("Add", np.ones(1), weights_file="net.data")
    with pytest.raises(HeadwaterError, match="its weights are in another file; save it as one"):
        opened(tmp_path / "net.onnx", content)


def test_a_network_that_fails_on_some_image_is_named(tmp_path: Path) -> None:
    """A grey image passes; what is black gives the logarithm of nothing."""
    net = opened(tmp_path / "log.onnx", onnx_file("Log"))
    with pytest.raises(HeadwaterError, match=r"log\.onnx: gives maps that are not finite"):
        net.answer(torch.zeros(1, 3, SIDE, SIDE))


def test_maps_of_another_number_than_the_first_are_refused(tmp_path: Path) -> None:
    net = replace(opened(tmp_path / "five.onnx", constant(np.ones((1, 5, 6, 7)))), maps=4)
    with pytest.raises(HeadwaterError, match="gives 4 maps of one image, 5 of another"):
        net.answer(torch.zeros(1, 3, SIDE, SIDE))


def test_a_network_answers_for_the_image_as_it_is(tmp_path: Path) -> None:
    net = opened(
        tmp_path / "pool.onnx", onnx_file("AveragePool", kernel_shape=[4, 4], strides=[4, 4])
    )
    image = torch.rand(1, 3, SIDE, SIDE)
    assert net.maps == 3
    assert net.sha256 == hashlib.sha256(net.path.read_bytes()).hexdigest()
    torch.testing.assert_close(net.answer(image), functional.avg_pool2d(image, 4))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match=r"none\.onnx: no readable network .*name an \.onnx"):
        read_net(tmp_path / "none.onnx")


def test_a_network_tells_the_side_of_its_images(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    fixed = open_net(path, onnx_file("Relu", side=48), side=None, threads=1)
    assert fixed.side == 48
    assert fixed.answer(torch.zeros(1, 3, 48, 48)).shape == (1, 3, 48, 48)
    assert open_net(path, onnx_file("Relu"), side=None, threads=1).side == 512
