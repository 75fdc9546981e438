"""The stage that trains the generator of expressions, and the bucket keys that follow it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from headwater.artifacts.images import encode_png
from headwater.artifacts.schemas import CAMERAS, SYNTHETIC_FRAMES, TRUTH
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.expressions.generator import KINDS, LABELS, Generator, Training
from headwater.expressions.prepared import generator_fingerprint, prepared_generator
from headwater.networks.spade import Spade
from tasks import expressions, generator
from tests.parsing.frames import FRAME_PX, face_classes, face_picture
from tests.report.tiny_data import Builder

PROJECT = Path(__file__).resolve().parents[2]
ITEM = "a" * 32


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a rendered view of the made-up face, and a network that learns in seconds."""
    monkeypatch.chdir(tmp_path)
    small = replace(
        KINDS["spade"],
        side=64,
        network=lambda: Spade(LABELS, 64, (16, 8, 8, 8), hidden=8),
        discriminator_width=8,
        training=Training(steps=10, batch=1, checkpoint_every=10),
    )
    monkeypatch.setitem(KINDS, "spade", small)
    classes = face_classes()
    base = {"item": ITEM, "subject": ITEM, "split": "train", "source": "synthetic"}
    size = {"width": FRAME_PX, "height": FRAME_PX}
    builder = Builder()
    picture = encode_png(face_picture(classes), "picture")
    builder.add(SYNTHETIC_FRAMES, **base, **size, image=picture)
    names = ("mask", "parts", "depth", "classes")
    truth = {name: encode_png(classes, name) for name in names}
    builder.add(TRUTH, **base, **size, landmarks_478_px=oval().ravel().tolist(), **truth)
    builder.write(tmp_path / "data")
    return tmp_path


def oval() -> np.ndarray:
    """478 points round the middle of the frame, which spans three of their squares."""
    angle = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    points = FRAME_PX / 2 + FRAME_PX / 6 * np.column_stack([np.cos(angle), np.sin(angle)])
    points[[33, 263]] = FRAME_PX / 2 + np.array([[-20.0, -8], [20, -8]])
    return points.astype(np.float32)


def settings(project: Path, **changed: Any) -> Params:
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    content["expressions"].update(changed)
    (project / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_params(project / "params.yaml")


def test_a_warp_needs_no_generator(project: Path) -> None:
    params = settings(project, patterns="paper")
    assert generator.main() == "nothing: expressions are made by a warp"
    assert prepared_generator(params, project) is None
    assert generator_fingerprint(params, project) == {}


def test_a_generator_is_trained_where_one_is_asked_for(project: Path) -> None:
    params = settings(project, patterns="paper", pixels="spade")
    with pytest.raises(HeadwaterError, match="run the stage generator"):
        prepared_generator(params, project)
    assert "10 steps" in generator.main()
    assert (project / "data/generator/loss.csv").is_file()
    made = prepared_generator(params, project)
    assert isinstance(made, Generator)
    assert made.side == 64
    weights = (project / "data/generator/weights.safetensors").read_bytes()
    known = generator_fingerprint(params, project)
    generator.main()
    assert (project / "data/generator/weights.safetensors").read_bytes() == weights
    assert generator_fingerprint(params, project) == known
    assert not (project / ".headwater/checkpoints/generator").exists()


def test_three_kinds_have_no_generator(project: Path) -> None:
    with pytest.raises(HeadwaterError, match="set patterns to paper") as caught:
        settings(project, pixels="spade")
    assert str(caught.value).startswith("params.yaml: expressions: pixels spade")
    with pytest.raises(HeadwaterError, match=r"expressions\.pixels is 'gan'"):
        settings(project, patterns="paper", pixels="gan")


def test_frames_that_are_painted_are_of_the_method_generator(project: Path) -> None:
    frontal = np.diag([1.0, -1.0, -1.0]).ravel().tolist()
    row = {"item": ITEM, "subject": ITEM, "source": "photo", "rotation": frontal}
    tables = {CAMERAS.name: pa.Table.from_pylist([row])}
    for pixels, method in (("warp", "warp"), ("spade", "generator")):
        params = settings(project, patterns="paper", pixels=pixels)
        items = expressions.items(tables, params)
        assert {item.source["method"] for item in items} == {method}
        assert len(items) == 24
