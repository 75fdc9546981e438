"""Parsers of users: their maps are classes of a named order, their sides are found out."""

from pathlib import Path

import numpy as np
import pytest

from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import FaceClass
from headwater.parsing.augmentation import mirror_names
from headwater.parsing.label_orders import LABEL_ORDERS
from headwater.parsing.onnx_parser import OnnxParser, open_parser, sides_swapped
from tests.networks.onnx_files import constant, onnx_file
from tests.parsing.frames import FRAME_PX, face_classes, scores

FRAME = np.zeros((FRAME_PX, FRAME_PX, 3), np.uint8)


def parser_of(path: Path, order: str, classes: np.ndarray) -> OnnxParser:
    """A parser that gives the same answer for every image."""
    return open_parser(path, constant(scores(order, classes)), order)


@pytest.mark.parametrize("order", list(LABEL_ORDERS))
def test_maps_become_classes_by_the_names_of_their_order(tmp_path: Path, order: str) -> None:
    wanted = face_classes()
    if order == "helen_11":
        wanted[(wanted == FaceClass.NECK) | (wanted == FaceClass.CLOTHES)] = 0
    parser = parser_of(tmp_path / "net.onnx", order, wanted)
    assert parser.net.side == 512
    found = parser.classes(FRAME)
    face = np.s_[75:155, 80:160]
    assert (found[face] == wanted[face]).mean() > 0.96
    assert set(np.unique(found)) <= set(np.unique(wanted))
    assert not sides_swapped(parser, FRAME)


def test_a_parser_whose_left_is_the_images_is_found_out_and_mirrored(tmp_path: Path) -> None:
    wanted = face_classes()
    other = mirror_names().numpy().astype(np.uint8)[wanted]
    parser = parser_of(tmp_path / "net.onnx", "celeb_19", other)
    assert sides_swapped(parser, FRAME)
    found = parser.mirrored().classes(FRAME)
    for eye in (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE):
        where = found == eye
        assert where.any()
        assert (wanted[where] == eye).mean() > 0.8


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("net.pt", b"PK", "a network is an .onnx file"),
        ("junk.onnx", b"junk" * 9, "not a usable ONNX network"),
        ("maps.onnx", constant(np.ones((1, 11, 8, 8))), "11 maps, but celeb_19 has 19 classes"),
        ("two.onnx", onnx_file("Split", axis=3, outputs=2), "1 inputs and 2 outputs"),
        ("double.onnx", onnx_file("Cast", input_type=11, to=1), r"tensor\(double\)"),
    ],
)
def test_a_file_that_is_no_such_parser_says_why(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(HeadwaterError, match=said) as error:
        open_parser(tmp_path / name, content, "celeb_19")
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(error.value)


def test_maps_that_are_not_square_are_refused(tmp_path: Path) -> None:
    parser = open_parser(tmp_path / "net.onnx", constant(np.ones((1, 19, 8, 6))), "celeb_19")
    with pytest.raises(HeadwaterError, match="maps of 8 x 6, no square"):
        parser.classes(FRAME)


def test_a_parser_that_sees_no_face_in_a_portrait_is_refused(tmp_path: Path) -> None:
    parser = parser_of(tmp_path / "net.onnx", "farl_19", np.zeros_like(face_classes()))
    with pytest.raises(HeadwaterError, match=r"no pair of eyes or brows .* parts\.labels"):
        sides_swapped(parser, FRAME)
