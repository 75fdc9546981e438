"""The step on small tables: joins, rejects and the file that it writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.artifacts.columns import TableSchema, shape_of
from headwater.artifacts.images import encode_png
from headwater.artifacts.schemas import (
    CAMERAS,
    EXPRESSIONS,
    FRAMES,
    LANDMARKS,
    MASKS,
    PARTS,
    TRUTH,
    rejects_schema,
)
from headwater.artifacts.tables import bucket_file, to_table, write_bucket
from headwater.faces.vocabulary import (
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    FaceClass,
)
from headwater.quality.figures import CHOSEN
from tasks import quality

PROJECT = Path(__file__).resolve().parents[2]
SIDE = 32
LANDMARKS_PX = np.random.default_rng(0).uniform(5, 25, size=(478, 2)).astype(np.float32)
GOOD, NO_FACE, NO_MASK = "a" * 32, "b" * 32, "c" * 32


def filled(schema: TableSchema, item: str, **values: Any) -> dict[str, Any]:
    """A row with ``values``; every other column gets an empty value of its type."""
    row: dict[str, Any] = {}
    for field in schema.arrow:
        kind = str(field.type)
        if kind.startswith("fixed_size_list"):
            row[field.name] = [0.0] * field.type.list_size
        elif kind.startswith("list"):
            row[field.name] = []
        elif kind.startswith("struct"):
            row[field.name] = encode_png(np.zeros(shape_of(field) or (SIDE, SIDE), np.uint8), item)
        else:
            row[field.name] = {"string": "", "bool": False}.get(kind, 0)
    return {**row, "item": item, "subject": item, **values}


def write(data: Path, schema: TableSchema, *rows: dict[str, Any]) -> None:
    path = data / schema.step / schema.table / bucket_file(0)
    write_bucket(path, schema, to_table(schema, rows), "key")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three views: one without error, one without a face, one whose mask was rejected."""
    parts = np.zeros((SIDE, SIDE), np.uint8)
    parts[4:20, 6:26] = 8
    classes = parts.copy()
    classes[0:4] = FaceClass.HAIR
    pictures = {
        "mask": encode_png(parts > 0, "mask"),
        "parts": encode_png(parts, "parts"),
        "classes": encode_png(classes, "classes"),
    }
    camera = {
        "intrinsics": [40.0, 0, 16, 0, 40, 16, 0, 0, 1],
        "rotation": [1.0, 0, 0, 0, -1, 0, 0, 0, -1],
        "translation": [0.0, 0, 700],
    }
    size = {"width": SIDE, "height": SIDE}
    points = {"landmarks_478_px": LANDMARKS_PX.ravel().tolist()}
    same = {"frame_from_photo": [1.0, 0, 0, 0, 1, 0]}
    kinds = {GOOD: "frontal", NO_FACE: "side", NO_MASK: "side"}
    data = tmp_path / "data"
    write(
        data,
        TRUTH,
        *(
            filled(TRUTH, item, view_kind=kind, **camera, **size, **points, **pictures)
            for item, kind in kinds.items()
        ),
    )
    seen = (GOOD, NO_MASK)
    write(data, FRAMES, *(filled(FRAMES, item, **size, **same) for item in seen))
    write(data, LANDMARKS, *(filled(LANDMARKS, item, **points) for item in seen))
    write(data, MASKS, filled(MASKS, GOOD, mask=pictures["mask"]))
    write(data, PARTS, *(filled(PARTS, item, parts=pictures["parts"]) for item in seen))
    write(data, CAMERAS, *(filled(CAMERAS, item, **camera) for item in seen))
    rejects = rejects_schema("ingest")
    photo = filled(rejects, "d" * 32, reason="no_face")
    write(data, rejects, filled(rejects, NO_FACE, reason="no_face"), photo)
    rejects = rejects_schema("masks")
    write(data, rejects, filled(rejects, NO_MASK, reason="no_head_mask"))
    closed = LANDMARKS_PX.copy()
    closed[list(RIGHT_UPPER_LID + LEFT_UPPER_LID)] = LANDMARKS_PX[
        list(RIGHT_LOWER_LID + LEFT_LOWER_LID)
    ]
    edit = {"parent": GOOD, "edit": "closed_eyes", "method": "warp"}
    after = filled(EXPRESSIONS, "e" * 32, **edit, landmarks_478_px=closed.ravel().tolist())
    write(data, EXPRESSIONS, after)
    return data


def test_figures_join_tables_and_count_rejects(data: Path) -> None:
    figures = quality.quality_figures(data)
    assert figures["all_views"] == 3
    assert figures["frontal_detection_rate"] == 1.0
    assert figures["side_detection_rate"] == 0.5
    assert figures["all_landmark_68_nme_percent_mean"] == 0.0
    assert figures["all_mask_iou_mean"] == 1.0
    assert figures["all_mask_iou_count"] == 1
    assert figures["all_part_iou_skin"] == 1.0
    assert figures["all_camera_rotation_degrees_p95"] == 0.0
    assert figures["rejected_masks_no_head_mask"] == 1
    assert figures["expressions_closed_eyes_warp_right_way_rate"] == 1.0
    # The reject of a photo is no failure on rendered views.
    assert figures["rejected_ingest_no_face"] == 1


def test_main_writes_sorted_flat_json(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    (data.parent / "params.yaml").write_text((PROJECT / "params.yaml").read_text())
    monkeypatch.setattr(quality, "PORTRAITS", quality.PORTRAITS[1:])
    said = quality.main()
    assert said.startswith("landmarks 0.0 % off, mask IoU 1.00, cameras 0.0° off, ")
    assert said.endswith(" % with changes of a photo")
    text = (data / "quality" / "figures.json").read_text()
    figures = json.loads(text)
    assert list(figures) == sorted(figures)
    assert all(isinstance(value, int | float) for value in figures.values())
    assert len(figures) > 50
    chosen = json.loads((data / "quality" / "metrics.json").read_text())
    assert set(chosen) == set(CHOSEN)
    assert chosen.items() <= figures.items()
    quality.main()
    assert (data / "quality" / "figures.json").read_text() == text
