"""Step "quality": the pipeline's detections on rendered views against their exact truth."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from headwater.artifacts.cameras import (
    CAMERA_COLUMNS,
    camera_of,
    frame_from_photo_of,
    rotation_of,
)
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.figures import write_figures
from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.manifest import write_manifest
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
from headwater.artifacts.tables import Row, read_bucket, table_files
from headwater.config import Params, load_params
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.vocabulary import Part
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.quality.edits import edit_figures, moved_right_way
from headwater.quality.figures import CHOSEN, rounded, view_figures
from headwater.quality.same_face import landmark_shifts, shift_figures
from headwater.quality.views import ViewDetections, ViewErrors, ViewTruth, compare_view
from tasks.command import command

PARAMS = Path("params.yaml")
CHECKED_STEPS = ("ingest", "landmarks", "masks", "parts", "cameras")


def main() -> str:
    """Write figures.json and metrics.json into ``data/quality``; returns the main figures."""
    data = Path("data")
    figures = rounded({**quality_figures(data), **same_face_figures(load_params(PARAMS))})
    write_figures(data / "quality", figures, CHOSEN)
    write_manifest(data / "quality")
    return _main_figures(figures)


def same_face_figures(params: Params) -> dict[str, float]:
    """Shifts of the built-in portraits' landmarks under changes that leave the face the same."""
    px, detector = params.ingest.frame_px, mediapipe_faces()
    photos = (decode_photo(portrait.data()).rgb for portrait in PORTRAITS)
    return shift_figures(landmark_shifts(photo, px, detector) for photo in photos)


def _main_figures(figures: Mapping[str, float]) -> str:
    forms = (
        ("all_landmark_68_nme_percent_mean", "landmarks {:.1f} % off"),
        ("all_mask_iou_mean", "mask IoU {:.2f}"),
        ("all_camera_rotation_degrees_mean", "cameras {:.1f}° off"),
        ("same_face_all_percent_mean", "landmarks move {:.1f} % with changes of a photo"),
    )
    return ", ".join(form.format(figures[name]) for name, form in forms if name in figures)


def quality_figures(data: Path) -> dict[str, float]:
    """All figures, flat, from the tables below ``data``."""
    views: list[tuple[str, ViewErrors | None]] = []
    rejects: Counter[str] = Counter()
    edits: list[tuple[str, str, bool]] = []
    for path in table_files(data, TRUTH):
        bucket_views = list(_views(data, path.name))
        views += [(kind, errors) for _, kind, errors in bucket_views]
        items = {item for item, _, _ in bucket_views}
        for step in CHECKED_STEPS:
            rejects.update(_rejects(data, path.name, step, items))
    for path in table_files(data, EXPRESSIONS):
        edits += _edits(data, path.name)
        rejects.update(_rejects(data, path.name, "expressions"))
    return rounded({**view_figures(views), **rejects, **edit_figures(edits)})


def _rows(data: Path, schema: TableSchema, bucket: str, columns: Sequence[str]) -> dict[str, Row]:
    path = data / schema.step / schema.table / bucket
    if not path.exists():
        return {}
    return {row["item"]: row for row in read_bucket(path, schema, columns).to_pylist()}


def _views(data: Path, bucket: str) -> Iterator[tuple[str, str, ViewErrors | None]]:
    """Item, kind and errors of every rendered view of a bucket."""
    truths = _rows(
        data,
        TRUTH,
        bucket,
        (
            "item",
            "view_kind",
            "landmarks_478_px",
            "mask",
            "classes",
            "width",
            "height",
            *CAMERA_COLUMNS,
        ),
    )
    frames = _rows(data, FRAMES, bucket, ("item", "width", "height", "frame_from_photo"))
    landmarks = _rows(data, LANDMARKS, bucket, ("item", "landmarks_478_px"))
    masks = _rows(data, MASKS, bucket, ("item", "mask"))
    parts = _rows(data, PARTS, bucket, ("item", "parts"))
    cameras = _rows(data, CAMERAS, bucket, ("item", "rotation"))
    for item, row in truths.items():
        if item not in landmarks:
            yield item, row["view_kind"], None
            continue
        detected = _detected(
            frames[item], landmarks[item], masks.get(item), parts.get(item), cameras.get(item)
        )
        yield item, row["view_kind"], compare_view(_truth(row), detected)


def _truth(row: Row) -> ViewTruth:
    classes = decode_png(row["classes"])
    return ViewTruth(
        landmarks_of(row),
        decode_png(row["mask"]) > 0,
        np.where(classes <= max(Part), classes, np.uint8(Part.NONE)),
        camera_of(row),
    )


def _detected(
    frame: Row, landmarks: Row, mask: Row | None, parts: Row | None, camera: Row | None
) -> ViewDetections:
    return ViewDetections(
        frame_from_photo_of(frame),
        frame["width"],
        frame["height"],
        landmarks_of(landmarks),
        None if mask is None else decode_png(mask["mask"]) > 0,
        None if parts is None else decode_png(parts["parts"]),
        None if camera is None else rotation_of(camera),
    )


def _rejects(
    data: Path, bucket: str, step: str, among: Collection[str] | None = None
) -> Iterator[str]:
    """Figure names, one per reject of a step; only of the items ``among``, if given."""
    for row in _rows(data, rejects_schema(step), bucket, ("item", "reason")).values():
        if among is None or row["item"] in among:
            yield f"rejected_{step}_{row['reason']}"


def _edits(data: Path, bucket: str) -> Iterator[tuple[str, str, bool]]:
    """Kind, method and outcome of every edited expression of a bucket."""
    columns = ("item", "parent", "edit", "method", "strength", "landmarks_478_px")
    edits = _rows(data, EXPRESSIONS, bucket, columns)
    landmarks = _rows(data, LANDMARKS, bucket, ("item", "landmarks_478_px"))
    for row in edits.values():
        before, after = landmarks_of(landmarks[row["parent"]]), landmarks_of(row)
        right = moved_right_way(row["edit"], row["strength"], before, after)
        yield row["edit"], row["method"], right


if __name__ == "__main__":
    command(main)
