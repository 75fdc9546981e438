"""Frames to show, each with the steps' detections in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.cameras import CAMERA_COLUMNS, camera_of
from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.schemas import (
    CAMERAS,
    EXPRESSIONS,
    FRAMES,
    LANDMARKS,
    MASKS,
    PARTS,
    PHOTOS,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.artifacts.tables import Row
from headwater.geometry.cameras import Camera
from headwater.report.reading import chosen_rows, rows_in_brief, spread

# Kinds of edits that the report shows, of builds with three kinds and with the 24 patterns.
EDITS = ("closed_eyes", "open_mouth", "frown")
PATTERN_EDITS = ("closed_eye_both", "open_mouth_40", "frown_both_open")
METHODS = ("warp", "generator", "head_model")
FACE_SHARE = 1.3

_POINTS = ("landmarks_68_px", "landmarks_478_px")
_PHOTO_COLUMNS = (
    (FRAMES, ("image", "width", "height", "faces_found")),
    (LANDMARKS, _POINTS),
    (MASKS, ("mask",)),
    (PARTS, ("parts",)),
    (CAMERAS, (*CAMERA_COLUMNS, "landmark_nme_percent")),
)
_VIEW_COLUMNS = ("view", "view_kind", "split", "width", "height", "mask", "parts", "depth")


@dataclass(frozen=True)
class Frame:
    """A frame (H, W, 3) uint8 and its rows of the steps; None where a step has not put it out.

    mask: (H, W) bool. parts: (H, W) uint8. landmarks: (68 or 478, 2) float32 px.
    depth: (H, W) float32 mm, 0 where there is no head. camera: of this frame.
    """

    item: str
    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    parts: NDArray[np.uint8] | None
    landmarks_68: NDArray[np.float32] | None
    landmarks_478: NDArray[np.float32] | None
    depth: NDArray[np.float32] | None
    camera: Camera | None
    note: str = ""


@dataclass(frozen=True)
class Edited:
    """A frame (H, W, 3) uint8 beside its expressions made by one method, by kind of edit.

    edits: None where one was rejected. box: left, top, right, bottom of a square around the face,
    px.
    """

    name: str
    method: str
    box: tuple[int, int, int, int]
    parent: NDArray[np.uint8]
    edits: dict[str, NDArray[np.uint8] | None]


def face_square(
    points: NDArray[np.float32], picture: NDArray[np.uint8], share: float
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the square in the picture (H, W, 3) around points (n, 2) px.

    share: side of the square as a multiple of the points' extent.
    """
    height, width = picture.shape[:2]
    low, high = points.min(axis=0), points.max(axis=0)
    side = int(np.clip(share * float((high - low).max()), 1, min(width, height)))
    left = int(np.clip((low[0] + high[0] - side) / 2, 0, width - side))
    top = int(np.clip((low[1] + high[1] - side) / 2, 0, height - side))
    return left, top, left + side, top + side


def photo_names(data: Path) -> dict[str, str]:
    """File names of the photos by item, and of their further faces."""
    rows = rows_in_brief(data, PHOTOS, ["item", "file_name"])
    names = {row["item"]: row["file_name"] for row in rows}
    frames = rows_in_brief(data, FRAMES, ["item", "parent"])
    further = {row["item"]: row["parent"] for row in frames if row["parent"] in names}
    return names | {item: f"{names[photo]}, another face" for item, photo in further.items()}


def photo_frames(data: Path, limit: int) -> list[Frame]:
    """The first ``limit`` photos by file name, with the detections in them."""
    names = photo_names(data)
    brief = [
        row for row in rows_in_brief(data, FRAMES, ["item", "source"]) if row["source"] == "photo"
    ]
    items = sorted((row["item"] for row in brief), key=lambda item: (names.get(item, ""), item))
    items = items[:limit]
    tables = {
        schema.name: chosen_rows(data, schema, columns, items) for schema, columns in _PHOTO_COLUMNS
    }
    return [_photo_frame(item, names.get(item, item), tables) for item in items]


def _photo_frame(item: str, name: str, tables: dict[str, dict[str, Row]]) -> Frame:
    frame = tables[FRAMES.name][item]
    landmarks = tables[LANDMARKS.name].get(item)
    mask = tables[MASKS.name].get(item)
    parts = tables[PARTS.name].get(item)
    camera = tables[CAMERAS.name].get(item)
    faces = frame["faces_found"]
    notes = [f"{faces} face" if faces == 1 else f"one of {faces} faces"]
    if camera:
        notes.append(f"camera reprojects to {camera['landmark_nme_percent']:.1f} %")
    return Frame(
        item,
        name,
        decode_png(frame["image"]),
        decode_png(mask["mask"]) > 0 if mask else None,
        decode_png(parts["parts"]) if parts else None,
        landmarks_of(landmarks, "landmarks_68_px") if landmarks else None,
        landmarks_of(landmarks, "landmarks_478_px") if landmarks else None,
        None,
        camera_of(camera, (frame["width"], frame["height"])) if camera else None,
        ", ".join(notes),
    )


def synthetic_frames(data: Path, limit: int) -> list[Frame]:
    """At most ``limit`` rendered views of different heads, with their exact truth."""
    brief = rows_in_brief(data, TRUTH, ["item", "subject", "view", "view_kind"])
    first_of_head: dict[str, list[Row]] = {}
    for row in sorted(brief, key=lambda row: (row["subject"], row["view"])):
        first_of_head.setdefault(row["subject"], []).append(row)
    one_each = [views[number % len(views)] for number, views in enumerate(first_of_head.values())]
    chosen = spread(one_each, limit, lambda row: row["view_kind"])
    if len(chosen) < limit:
        taken = {row["item"] for row in chosen}
        rest = [row for row in brief if row["item"] not in taken]
        chosen += spread(rest, limit - len(chosen), lambda row: row["subject"])
    items = [row["item"] for row in chosen]
    frames = chosen_rows(data, SYNTHETIC_FRAMES, ("subject", "image"), items)
    truths = chosen_rows(data, TRUTH, (*_VIEW_COLUMNS, *CAMERA_COLUMNS, *_POINTS), items)
    return [_synthetic_frame(frames[item], truths[item]) for item in items if item in frames]


def _synthetic_frame(frame: Row, truth: Row) -> Frame:
    return Frame(
        frame["item"],
        f"head {frame['subject'][:6]}, view {truth['view']}",
        decode_png(frame["image"]),
        decode_png(truth["mask"]) > 0,
        decode_png(truth["parts"]),
        landmarks_of(truth, "landmarks_68_px"),
        landmarks_of(truth, "landmarks_478_px"),
        decode_png(truth["depth"]).astype(np.float32) / 10,
        camera_of(truth),
        f"{truth['view_kind']}, {truth['split']}",
    )


def edited_frames(data: Path, photos: int, heads: int) -> list[Edited]:
    """Frames beside three expressions each, of ``photos`` photos and ``heads`` rendered views.

    Those of which one of the three was kept at least.
    """
    columns = ["item", "parent", "source", "edit", "method"]
    brief = [
        row
        for row in rows_in_brief(data, EXPRESSIONS, columns)
        if row["edit"] in (*EDITS, *PATTERN_EDITS)
    ]
    names = photo_names(data)
    parents: dict[str, list[str]] = {"photo": [], "synthetic": []}
    for row in sorted(brief, key=lambda row: (names.get(row["parent"], ""), str(row["parent"]))):
        if row["parent"] is not None and row["parent"] not in parents[row["source"]]:
            parents[row["source"]].append(row["parent"])
    chosen = parents["photo"][:photos] + parents["synthetic"][:heads]
    wanted = [row for row in brief if row["parent"] in chosen]
    columns = ["image", "landmarks_478_px"]
    images = chosen_rows(data, EXPRESSIONS, columns, (row["item"] for row in wanted))
    frames = chosen_rows(data, FRAMES, ("subject", "image"), chosen)
    shown = []
    for parent in chosen:
        if parent in frames:
            name = names.get(parent, f"head {frames[parent]['subject'][:6]}")
            rows = [row for row in wanted if row["parent"] == parent]
            shown += _edited(name, frames[parent], rows, images)
    return shown


def _edited(name: str, parent: Row, rows: Iterable[Row], images: dict[str, Any]) -> list[Edited]:
    by_method: dict[str, dict[str, NDArray[np.uint8] | None]] = {}
    points = np.zeros((0, 2), np.float32)
    for row in rows:
        none = dict.fromkeys(EDITS if row["edit"] in EDITS else PATTERN_EDITS)
        edits = by_method.setdefault(row["method"], none)
        points = np.vstack([points, landmarks_of(images[row["item"]], "landmarks_478_px")])
        edits[row["edit"]] = decode_png(images[row["item"]]["image"])
    image = decode_png(parent["image"])
    box = face_square(points, image, FACE_SHARE)
    return [
        Edited(name, method, box, image, by_method[method])
        for method in METHODS
        if method in by_method
    ]
