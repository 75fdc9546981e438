"""The stage that prepares the parser, and the parts of frames by each of the three providers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.schemas import FRAMES, LANDMARKS, PARTS, SYNTHETIC_FRAMES, TRUTH
from headwater.artifacts.tables import read_table
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.faces.parts import part_labels
from headwater.faces.photo_path import frame_parts
from headwater.parsing import prepared, training
from headwater.parsing.parser import load_parser
from headwater.parsing.prepared import prepared_parser
from headwater.pipeline.plan import plan
from headwater.pipeline.step import Item, Result, Work
from tasks import parser, parts
from tests.networks.onnx_files import constant
from tests.parsing.frames import FRAME_PX, face_classes, scores
from tests.parsing.test_examples import portrait
from tests.report.tiny_data import Builder

PROJECT = Path(__file__).resolve().parents[2]
ITEM = "a" * 32


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a portrait in the place of a rendered view, and its frame, which is the same.

    Its truth is what polygons say.
    """
    monkeypatch.chdir(tmp_path)
    image, landmarks = portrait()
    classes = part_labels(landmarks, FRAME_PX, FRAME_PX)
    base = {"item": ITEM, "subject": ITEM, "split": "train", "source": "synthetic"}
    size = {"width": FRAME_PX, "height": FRAME_PX}
    picture = encode_png(image, "picture")
    points = {"landmarks_478_px": landmarks[:, :2].ravel().tolist()}
    builder = Builder()
    builder.add(SYNTHETIC_FRAMES, **base, **size, image=picture)
    names = ("mask", "parts", "depth", "classes")
    truth = {name: encode_png(classes, name) for name in names}
    builder.add(TRUTH, **base, **size, **points, **truth)
    place = {"photo_width": FRAME_PX, "photo_height": FRAME_PX}
    upright = {"frame_from_photo": [1.0, 0, 0, 0, 1, 0]}
    builder.add(FRAMES, **base, **size, **place, **upright, image=picture, face_crop=picture)
    builder.add(LANDMARKS, **base, **points)
    builder.write(tmp_path / "data")
    return tmp_path


def settings(project: Path, **changed: Any) -> Params:
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    content["parts"].update(changed)
    (project / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_params(project / "params.yaml")


def parts_of(project: Path, params: Params) -> np.ndarray:
    """Parts of the frame, as the step gives them."""
    tables = {
        needed.schema.name: read_table(project / "data", needed.schema, needed.columns)
        for needed in parts.STEP.inputs
    }
    result = Result("parts")
    parts.compute(Work(0, [Item(ITEM, ITEM, ITEM)], tables, params, project), result)
    (row,) = result.rows[PARTS.name]
    return decode_png(row["parts"])


def keys(project: Path, params: Params) -> list[str]:
    return [one.key for one in plan(parts.STEP, params, project)]


def test_landmarks_need_no_parser(project: Path) -> None:
    params = settings(project)
    assert parser.main() == "nothing: parts are drawn from landmarks"
    assert json.loads((project / "data/parser/source.json").read_text()) == {}
    assert prepared_parser(params, project) is None
    shown = np.ones((FRAME_PX, FRAME_PX), bool)
    assert (parts_of(project, params) == frame_parts(portrait()[1], shown)).all()


def test_the_trained_parser_gives_the_parts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = keys(project, settings(project))
    params = settings(project, parser="trained")
    with pytest.raises(HeadwaterError, match="is not there; run the stage parser"):
        keys(project, params)
    short = training.Training(steps=2, batch=1, piece_px=64, threads=1, checkpoint_every=10)
    monkeypatch.setattr(training, "Training", lambda: short)
    assert parser.main() == "2 steps; the last one kept, none was validated"
    weights = project / "data/parser/weights.safetensors"
    assert (project / "data/parser/loss.csv").is_file()
    assert not (project / parser.CHECKPOINTS).exists()
    first = keys(project, params)
    assert first != drawn
    found = load_parser(weights).classes(*portrait())
    assert (parts_of(project, params) == np.where(found > 8, 0, found)).all()
    # The same views and the same seed.
    written = weights.read_bytes()
    parser.main()
    assert weights.read_bytes() == written


def test_a_parser_of_the_users_gives_the_parts(project: Path) -> None:
    (project / "net.onnx").write_bytes(constant(scores("farl_19", face_classes())))
    params = settings(project, parser="net.onnx", labels="farl_19")
    assert parser.main() == "net.onnx: 19 classes, left is the subject's"
    first = keys(project, params)
    wanted = face_classes()
    wanted[wanted > 8] = 0
    found = parts_of(project, params)
    assert (found == wanted).mean() > 0.98
    assert set(np.unique(found)) == set(range(9))

    (project / "net.onnx").write_bytes(constant(2 * scores("farl_19", face_classes())))
    prepared._tried.cache_clear()  # as in another process
    with pytest.raises(HeadwaterError, match=r"net\.onnx: is another parser than .* build again"):
        parts_of(project, params)
    parser.main()
    assert keys(project, params) != first


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"parser": "bisenet"}, r"parts\.parser is 'bisenet', but: it is landmarks, trained, or"),
        ({"parser": "gone.onnx"}, r"parts\.parser is 'gone\.onnx', but there is no such file"),
        ({"labels": "lapa"}, r"parts\.labels is 'lapa', but: .*helen_11"),
    ],
)
def test_a_wrong_name_is_refused_in_a_sentence(
    project: Path, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(HeadwaterError, match=said) as error:
        settings(project, **changed)
    assert "\n" not in str(error.value)
