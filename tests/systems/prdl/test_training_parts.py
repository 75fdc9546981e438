"""Parts that trainings learn from: the renderer's, a parser's, or drawn between landmarks."""

from pathlib import Path

import numpy as np
import pytest

from headwater.artifacts.images import decode_png
from headwater.artifacts.schemas import FRAMES, PARTS, TRUTH
from headwater.artifacts.tables import read_table
from headwater.systems.prdl.config import PrdlConfig
from headwater.systems.prdl.data import _photos, _rendered
from tests.artifacts.small_build import build

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts") / "data"
    build(folder)
    return folder


def labels_by_split(data: Path, config: PrdlConfig, of: str) -> list[np.ndarray | None]:
    """Labels of all views of photos or of renders; None of those that are drawn."""
    found: list[np.ndarray | None] = []
    for split in SPLITS:
        for views, labels in (_photos if of == "photo" else _rendered)(config, data, split):
            found += [None] * len(views) if labels is None else labels
    return found


def stored(data: Path, schema, column: str) -> list[bytes]:
    return [decode_png(row[column]).tobytes() for row in read_table(data, schema).to_pylist()]


@pytest.mark.parametrize("parser", ["landmarks", "own.onnx"])
def test_exact_parts_are_those_of_renders_and_photos_have_detected_ones(
    data: Path, parser: str
) -> None:
    config = PrdlConfig(parts="exact", parser=parser, given_views=False)
    rendered = labels_by_split(data, config, "render")
    assert len(rendered) == 3
    exact = stored(data, TRUTH, "parts")
    assert sorted(one.tobytes() for one in rendered if one is not None) == sorted(exact)
    photos = labels_by_split(data, config, "photo")
    frames = read_table(data, FRAMES, ["item", "source", "subject"]).to_pylist()
    assert len(photos) == len(frames) > 0
    if parser == "landmarks":
        assert photos == [None] * len(photos)
    else:
        assert sorted(one.tobytes() for one in photos if one is not None) == sorted(
            stored(data, PARTS, "parts")
        )


@pytest.mark.parametrize("parser", ["landmarks", "own.onnx"])
def test_detected_parts_are_the_parsers_or_drawn(data: Path, parser: str) -> None:
    config = PrdlConfig(parser=parser, given_views=False)
    rendered = labels_by_split(data, config, "render")
    assert [one is None for one in rendered] == [parser == "landmarks"] * 3
    assert config.draws_parts == (parser == "landmarks")
    assert config.cleans_parts == (parser != "landmarks")
