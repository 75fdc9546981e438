"""Overlap of parts with the truth: of views whose parser is faultless, and of labelled photos."""

import re
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.part_overlap import Overlaps, measure, table
from headwater.artifacts.images import encode_png
from headwater.artifacts.schemas import FRAMES, LANDMARKS, TRUTH
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import FACE_PARTS
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from tasks import parser
from tests.networks.onnx_files import constant
from tests.parsing.frames import (
    FRAME_PX,
    face_classes,
    face_landmarks,
    face_picture,
    scores,
)
from tests.report.tiny_data import Builder

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build of one held-out view, one without landmarks, and a parser that knows the answer."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    content["parts"].update(parser="net.onnx", labels="celeb_19")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    classes = face_classes()
    (tmp_path / "net.onnx").write_bytes(constant(scores("celeb_19", classes)))
    builder = Builder()
    size = {"width": FRAME_PX, "height": FRAME_PX}
    place = {"photo_width": FRAME_PX, "photo_height": FRAME_PX}
    upright = {"frame_from_photo": [1.0, 0, 0, 0, 1, 0]}
    picture = encode_png(face_picture(classes), "picture")
    names = ("mask", "parts", "depth", "classes")
    points = {"landmarks_478_px": face_landmarks().ravel().tolist()}
    for item in ("a" * 32, "b" * 32):
        base = {"item": item, "subject": item, "split": "test", "source": "synthetic"}
        truth = {name: encode_png(classes, name) for name in names}
        builder.add(TRUTH, **base, **size, **points, **truth)
        builder.add(FRAMES, **base, **size, **place, **upright, image=picture, face_crop=picture)
    base["item"] = "a" * 32
    builder.add(LANDMARKS, **base, **points)
    builder.write(tmp_path / "data")
    parser.main()
    return tmp_path


def rows(text: str) -> dict[str, list[float]]:
    """Numbers of a table's rows by their first cell."""
    cells = [[one.strip() for one in line.strip("|").split("|")] for line in text.splitlines()]
    return {name: [float(one) for one in rest] for name, *rest in cells if "." in "".join(rest)}


def test_a_faultless_parser_overlaps_and_polygons_do_so_less(project: Path) -> None:
    text = measure(project, None)
    assert "| 1 images | left eye | right eye | left brow |" in text
    found = rows(text)
    assert set(found) == {"landmarks", "parser"}
    assert len(found["parser"]) == len(FACE_PARTS) + 1
    # What a map of 128 px leaves of parts of a few pixels.
    assert min(found["parser"]) > 0.7
    assert found["parser"][-1] == pytest.approx(np.mean(found["parser"][:-1]), abs=1e-3)
    assert 0.5 < found["landmarks"][-1] < found["parser"][-1]


def test_photos_are_held_against_their_labels(project: Path, shared_data: Path) -> None:
    text = measure(project, shared_data / "photos")
    _, _, photos = text.partition("Photos:")
    assert (
        "| 8 images | left eye | right eye | left brow | right brow | upper lip | lower lip |"
        in (photos)
    )
    found = rows(photos)
    assert found["landmarks"][-1] == pytest.approx(0.703, abs=0.01)
    assert found["parser"][-1] < found["landmarks"][-1]


def claiming(width: int, height: int) -> bytes:
    """A PNG file that claims so many pixels and has none."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content).to_bytes(4)
        return len(content).to_bytes(4) + kind + content + check

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize(
    ("changed", "content", "said"),
    [
        ("frl189.json", None, "frl189.json: there is no such file"),
        ("frl189.json", b"[]", "frl189.json: has no list 'labels'"),
        ("labels/a.png", None, "labels: has no .png of labels"),
        ("labels/a.png", b"no PNG", "a.png: cannot be read"),
        ("labels/a.png", claiming(9000, 9), "a.png: 9000 x 9 is too large"),
        ("labels/a.png", claiming(30000, 30000), "a.png: has a side of more than 8192 px"),
        ("labels/a.png", encode_png(np.zeros((9, 9), np.uint8), "")["bytes"], "a.png: is uint8"),
        ("a.jpg", None, "a.jpg: The file cannot be read"),
        ("a.jpg", b"no photo", "a.jpg: The content is not an image"),
        ("a.jpg", encode_png(np.zeros((99, 99, 3), np.uint8), "")["bytes"], "a.jpg: No face was"),
    ],
)
def test_wrong_photos_and_labels_are_named(
    project: Path, changed: str, content: bytes | None, said: str
) -> None:
    folder = project / "photos"
    (folder / "labels").mkdir(parents=True)
    portrait = PORTRAITS[0].data()
    height, width = decode_photo(portrait).rgb.shape[:2]
    (folder / "a.jpg").write_bytes(portrait)
    (folder / "frl189.json").write_text('{"labels": ["none", "left_eye"]}')
    labels = encode_png(np.zeros((height, width), np.uint8), "labels")
    (folder / "labels" / "a.png").write_bytes(labels["bytes"])
    if content is None:
        (folder / changed).unlink()
    else:
        (folder / changed).write_bytes(content)
    with pytest.raises(HeadwaterError, match=re.escape(said)):
        measure(project, folder)


def test_parts_that_no_image_has_have_no_column() -> None:
    values = np.full((2, 8), np.nan)
    values[:, 0], values[0, 4] = (0.5, 0.7), 0.9
    text = table(Overlaps(values, values / 2))
    assert text.splitlines()[0] == "| 2 images | left eye | nose | mean |"
    assert rows(text) == {"landmarks": [0.6, 0.9, 0.75], "parser": [0.3, 0.45, 0.375]}


def test_a_build_without_a_parser_is_refused(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    with pytest.raises(
        HeadwaterError, match=r"parts\.parser is landmarks, which parses no picture; "
    ):
        measure(tmp_path, None)
