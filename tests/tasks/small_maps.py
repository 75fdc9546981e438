"""Rows of a bucket from which maps are made: a made-up head in rendered views, and a photo."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from headwater.artifacts.cameras import camera_columns
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import item_id
from headwater.artifacts.images import encode_png
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.schemas import CAMERAS, FRAMES, HEADS, LANDMARKS, MASKS, TRUTH
from headwater.artifacts.tables import Row, to_table
from headwater.config import load_params
from headwater.geometry.cameras import Camera, project, transform_image
from headwater.pipeline.step import Result, Work
from tasks import maps
from tests.artifacts.small_build import row_of
from tests.baselines.test_landmark_fit import drawn, fittable
from tests.rendering.heads import front_camera

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")
MODEL = fittable()
SIDE = 96
# The frame shows a part of the view, enlarged.
TO_FRAME = np.array([[1.25, 0.0, -12.0], [0.0, 1.25, -12.0]])
HEAD, PHOTO = item_id("a head"), item_id("a photo")
YAWS = (0.0, 25.0)
VIEWS = tuple(item_id("a view", number) for number in range(len(YAWS)))


def head(seed: int = 3) -> np.ndarray:
    return drawn(MODEL, seed).astype(np.float32)


def camera(yaw: float) -> Camera:
    return front_camera(SIDE, yaw)


def frame_camera(yaw: float) -> Camera:
    return transform_image(camera(yaw), TO_FRAME, SIDE, SIDE)


def landmarks(vertices: np.ndarray, yaw: float) -> np.ndarray:
    """(478, 2) px of the frame, as a detector without errors finds them."""
    return project(frame_camera(yaw), MODEL.landmarks_478.on(vertices))[0]


def frame_rows(item: str, subject: str, source: str, yaw: float, seed: int) -> dict[str, Row]:
    """Rows of the tables of ingest, landmarks, masks and cameras; the camera 2 % too far away."""
    of = {"source": source, "split": "train", "parent": subject if source == "synthetic" else None}
    picture = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    place = {"frame_from_photo": TO_FRAME.ravel().tolist(), "width": SIDE, "height": SIDE}
    place |= {"photo_width": SIDE, "photo_height": SIDE}
    seen = frame_camera(yaw)
    estimated = Camera(seen.K, seen.R, 1.02 * seen.t, SIDE, SIDE)
    points = landmarks(head(seed), yaw).astype(np.float32).ravel().tolist()
    changes: dict[str, tuple[TableSchema, Row]] = {
        FRAMES.name: (FRAMES, {"image": encode_png(picture, item), **place}),
        LANDMARKS.name: (LANDMARKS, {"landmarks_478_px": points}),
        MASKS.name: (MASKS, {"mask": encode_png(np.full((SIDE, SIDE), 255, np.uint8), item)}),
        CAMERAS.name: (CAMERAS, {"width": SIDE, "height": SIDE, **camera_columns(estimated)}),
    }
    return {
        name: {**row_of(schema, item, subject), **of, **more}
        for name, (schema, more) in changes.items()
    }


def rows() -> dict[str, list[Row]]:
    """Rows by table, of one head in two views and of one photo."""
    mesh = {"bytes": to_ply(head(), MODEL.faces), "path": "head.ply"}
    found: dict[str, list[Row]] = {
        HEADS.name: [
            {
                **row_of(HEADS, HEAD, HEAD),
                "source": "synthetic",
                "split": "train",
                "mesh": mesh,
            }
        ],
        TRUTH.name: [],
    }
    whole = np.full((SIDE, SIDE), 255, np.uint8)
    for number, (item, yaw) in enumerate(zip(VIEWS, YAWS, strict=True)):
        truth = {"width": SIDE, "height": SIDE, "view": number, "mask": encode_png(whole, item)}
        truth |= {"source": "synthetic", "split": "train", "parent": HEAD}
        truth |= camera_columns(camera(yaw))
        found[TRUTH.name].append({**row_of(TRUTH, item, HEAD), **truth})
        for name, row in frame_rows(item, HEAD, "synthetic", yaw, seed=3).items():
            found.setdefault(name, []).append(row)
    for name, row in frame_rows(PHOTO, PHOTO, "photo", 10.0, seed=5).items():
        found[name].append(row)
    return found


def made(
    given: dict[str, list[Row]], project: Path, monkeypatch: Any, compat: str = "none"
) -> tuple[Work, Result]:
    """What the step makes of a bucket."""
    monkeypatch.setattr(maps, "head_model", lambda params, project: MODEL)
    params = PARAMS.model_copy(update={"maps": PARAMS.maps.model_copy(update={"compat": compat})})
    tables = {
        needed.schema.name: to_table(needed.schema, given[needed.schema.name]).select(
            needed.columns
        )
        for needed in maps.STEP.inputs
    }
    work = Work(0, maps.items(tables, params), tables, params, project)
    result = Result("maps")
    maps.compute(work, result)
    return work, result


def write_size(project: Path, px: int, mm: float) -> None:
    """What the stage reads writes of the size that systems ask for."""
    folder = project / "data" / "reads"
    folder.mkdir(parents=True)
    (folder / "map_size.json").write_text(f"[{px}, {mm}]\n")


def by_name(result: Result) -> dict[tuple[str, str, str], Row]:
    """Rows of maps by the item that they are of, picture and camera."""
    found: Iterable[Row] = result.rows.get("maps/maps", [])
    return {(row["parent"], row["picture"], row["camera"]): row for row in found}
