"""The step expressions with the paper's 24 patterns, on a portrait."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from headwater.artifacts.ids import item_id
from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.landmark_rows import mesh_columns
from headwater.artifacts.row_checks import check_rows
from headwater.artifacts.schemas import CAMERAS, EXPRESSIONS, FRAMES, LANDMARKS, PARTS
from headwater.artifacts.tables import read_table, to_table
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.expressions.mask_edit import edited_mask, with_inside
from headwater.expressions.part_map import PartMap
from headwater.expressions.patterns import PATTERNS
from headwater.faces.expressions import Expression, edit_expression
from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.parts import part_labels
from headwater.faces.photo_path import face_frame
from headwater.faces.vocabulary import Part
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.pipeline.step import Result, Work
from tasks import expressions
from tests.rendering.heads import ball_head
from tests.report.tiny_data import Builder

PROJECT = Path(__file__).resolve().parents[2]
ITEM = "b" * 32
PX = 256


@pytest.fixture(scope="module")
def frame() -> tuple[np.ndarray, np.ndarray]:
    """Frame and face mesh of a portrait."""
    photo = decode_photo(PORTRAITS[0].data()).rgb
    image = face_frame(photo, PX, mediapipe_faces()).image
    return image, frame_landmarks(image, mediapipe_faces())


def settings(folder: Path, **changed: object) -> Params:
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    content["expressions"].update(changed)
    (folder / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_params(folder / "params.yaml")


def computed(folder: Path, params: Params, frame: tuple[np.ndarray, np.ndarray]) -> Result:
    image, mesh = frame
    base = {"item": ITEM, "subject": ITEM, "split": "train", "source": "photo"}
    size = {"width": PX, "height": PX, "photo_width": PX, "photo_height": PX}
    builder = Builder()
    picture = encode_png(image, "picture")
    upright = {"frame_from_photo": [1.0, 0, 0, 0, 1, 0]}
    builder.add(FRAMES, **base, **size, **upright, image=picture)
    builder.add(LANDMARKS, **base, **mesh_columns(mesh))
    builder.add(PARTS, **base, parts=encode_png(part_labels(mesh, PX, PX), "parts"))
    frontal = [1.0, 0, 0, 0, -1, 0, 0, 0, -1]
    builder.add(CAMERAS, **base, width=PX, height=PX, rotation=frontal)
    builder.write(folder / "data")
    tables = {
        needed.schema.name: read_table(folder / "data", needed.schema, needed.columns)
        if needed.schema.name in builder.rows
        else to_table(needed.schema, []).select(list(needed.columns))
        for needed in expressions.STEP.inputs
    }
    result = Result("expressions")
    work = Work(0, expressions.items(tables, params), tables, params, folder)
    expressions.compute(work, result)
    return result


@pytest.fixture(scope="module")
def made(frame: tuple, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expressions, "head_model", lambda *_: ball_head())
        return computed(folder, settings(folder, patterns="paper", strength=0.9), frame)


def test_every_pattern_is_a_row_or_a_reject_with_its_reason(made: Result) -> None:
    rows, rejects = made.rows[EXPRESSIONS.name], made.rows.get("expressions/rejects", [])
    assert len(rows) + len(rejects) == 24
    assert len(rows) >= 15
    assert {row["edit"] for row in rows} <= set(PATTERNS)
    assert {row["reason"] for row in rejects} <= {
        "edit_failed",
        "edit_not_seen",
        "edit_parts_differ",
        "edit_new_pieces",
    }
    assert len({row["item"] for row in (*rows, *rejects)}) == 24
    check_rows(EXPRESSIONS, to_table(EXPRESSIONS, rows))


def test_rows_say_where_they_come_from(made: Result) -> None:
    for row in made.rows[EXPRESSIONS.name]:
        assert (row["parent"], row["subject"], row["split"]) == (ITEM, ITEM, "train")
        assert row["seed"] > 0
        assert row["strength"] == 0.9
        assert row["item"] == item_id("expression", ITEM, row["edit"], "warp")
    seeds = {row["seed"] for row in made.rows[EXPRESSIONS.name]}
    assert len(seeds) == len(made.rows[EXPRESSIONS.name])


def test_recorded_maps_make_the_recorded_parts(made: Result, frame: tuple) -> None:
    _, mesh = frame
    before = part_labels(mesh, PX, PX)
    for row in made.rows[EXPRESSIONS.name]:
        if PATTERNS[row["edit"]].mouth == "open":
            continue  # the chin is not a part's map
        columns = (row["edited_parts"], row["part_affines"], row["part_bends"])
        maps = {
            Part(part): PartMap(np.reshape(affine, (2, 3)), np.array(bend[:3]), np.array(bend[3:]))
            for part, affine, bend in zip(*columns, strict=True)
        }
        parts = edited_mask(with_inside(before, mesh), mesh, maps)
        parts = np.where(parts > max(Part), 0, parts)
        region = decode_png(row["edited_region"]) > 0
        np.testing.assert_array_equal(np.where(region, parts, before), decode_png(row["parts"]))


def test_pixels_outside_the_region_are_the_frames(made: Result, frame: tuple) -> None:
    image, _ = frame
    for row in made.rows[EXPRESSIONS.name]:
        region = decode_png(row["edited_region"]) > 0
        np.testing.assert_array_equal(decode_png(row["image"])[~region], image[~region])
        assert 0.001 < region.mean() < 0.4


def test_three_kinds_are_as_before(
    frame: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expressions, "head_model", lambda *_: ball_head())
    rows = computed(tmp_path, settings(tmp_path), frame).rows[EXPRESSIONS.name]
    assert [row["edit"] for row in rows] == [kind.value for kind in Expression]
    image, mesh = frame
    for row in rows:
        kind = Expression(row["edit"])
        edited = edit_expression(image, mesh, part_labels(mesh, PX, PX), kind)
        np.testing.assert_array_equal(decode_png(row["image"]), edited.image)
        np.testing.assert_array_equal(decode_png(row["parts"]), edited.parts)
        assert (row["seed"], row["edited_parts"]) == (0, [])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"patterns": "all"}, r"expressions\.patterns is 'all'"),
        ({"strength": 0.0}, r"expressions\.strength is 0\.0"),
        ({"strength": 1.5}, r"expressions\.strength is 1\.5"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, changed: dict, said: str) -> None:
    with pytest.raises(HeadwaterError, match=said):
        settings(tmp_path, **changed)
