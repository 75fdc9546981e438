"""Small tables of heads, their rendered views and photos, with made-up frames."""

from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from headwater.artifacts import schemas
from headwater.artifacts.cameras import camera_columns
from headwater.artifacts.ids import item_id
from headwater.artifacts.images import encode_png
from headwater.artifacts.landmark_rows import mesh_columns
from headwater.artifacts.meshes import to_ply
from headwater.data.scenes import Heads
from headwater.geometry.cameras import Camera, look_at
from tests.report.tiny_data import Builder

SIDE = 32
BALL = trimesh.creation.icosphere(subdivisions=1, radius=90.0)
SPLITS = ("train", "test", "train", "validation", "test")
VIEWS = 3


def head(number: int) -> str:
    return item_id("head", number)


def camera(seed: int) -> Camera:
    rng = np.random.default_rng(seed)
    R, t = look_at(rng.normal(0, 300, 3) + (0, 0, 900), rng.normal(0, 5, 3), rng.uniform(-20, 20))
    K = np.array([[70.0, 0, 16.2], [0, 69.0, 15.5], [0, 0, 1]])
    return Camera(K, R, t, SIDE, SIDE)


PHOTO_SIZE = {"photo_width": SIDE, "photo_height": SIDE}


def affine(seed: int) -> np.ndarray:
    """A turned, scaled and moved frame."""
    rng = np.random.default_rng([seed, 1])
    angle, scale = rng.uniform(-0.5, 0.5), rng.uniform(0.5, 2)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, rng.uniform(-9, 9)], [sine, cosine, rng.uniform(-9, 9)]])


def landmarks(seed: int) -> np.ndarray:
    """Landmarks (478, 3) px in the view, well inside it."""
    rng = np.random.default_rng([seed, 2])
    return rng.uniform(0.2 * SIDE, 0.8 * SIDE, (478, 3)).astype(np.float32)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 3]).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def frame_picture(seed: int) -> np.ndarray:
    """Frames are of several sizes."""
    rng = np.random.default_rng([seed, 5])
    side = SIDE + seed % 7
    return rng.integers(0, 256, (side, side, 3), dtype=np.uint8)


def mask(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 4]).random((SIDE, SIDE)) < 0.5


def vertices(number: int) -> np.ndarray:
    return (BALL.vertices * (1 + 0.01 * number)).astype(np.float32)


def in_frame(points: np.ndarray, to_frame: np.ndarray) -> np.ndarray:
    moved = points[:, :2].astype(np.float64) @ to_frame[:, :2].T + to_frame[:, 2]
    return np.column_stack([moved, points[:, 2]]).astype(np.float32)


def seed_of_view(number: int, view: int) -> int:
    return 10 * number + view


def add_view(builder: Builder, number: int, view: int, split: str, *, seen: bool = True) -> None:
    seed = seed_of_view(number, view)
    item = item_id("view", number, view)
    base = {"item": item, "subject": head(number), "split": split, "source": "synthetic"}
    size = {"width": SIDE, "height": SIDE}
    builder.add(schemas.SYNTHETIC_FRAMES, **base, **size, image=encode_png(picture(seed), "view"))
    builder.add(
        schemas.TRUTH,
        **base,
        **size,
        **camera_columns(camera(seed)),
        view=view,
        mask=encode_png(mask(seed), "mask"),
        parts=encode_png(mask(seed), "parts"),
        depth=encode_png(mask(seed), "depth"),
        classes=encode_png(mask(seed), "classes"),
    )
    if seen:
        to_frame, shown = affine(seed), frame_picture(seed)
        frame = {
            "frame_from_photo": to_frame.ravel().tolist(),
            **PHOTO_SIZE,
            "image": encode_png(shown, "f"),
            "width": shown.shape[1],
            "height": shown.shape[0],
        }
        builder.add(schemas.FRAMES, **base, **frame)
        points = in_frame(landmarks(seed), to_frame)
        builder.add(schemas.LANDMARKS, **base, **mesh_columns(points))


def add_heads(builder: Builder) -> None:
    for number, split in enumerate(SPLITS):
        base = {"item": head(number), "subject": head(number), "split": split}
        mesh = {"bytes": to_ply(vertices(number), BALL.faces), "path": "head.ply"}
        builder.add(schemas.HEADS, **base, source="synthetic", mesh=mesh)
        points = np.random.default_rng(number).normal(size=(7, 3)).astype(np.float32)
        builder.add(
            schemas.SDF,
            **base,
            source="synthetic",
            points_mm=points.tolist(),
            distance_mm=points[:, 0].tolist(),
            near_surface=[True] * 7,
        )


def photo(builder: Builder, number: int, *, without: Any = None) -> str:
    item = item_id("photo", number)
    base = {"item": item, "subject": item, "split": "train", "source": "photo"}
    size = {"width": SIDE, "height": SIDE}
    rows = {
        schemas.FRAMES: {
            **size,
            **PHOTO_SIZE,
            "frame_from_photo": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            "image": encode_png(picture(number), "frame"),
        },
        schemas.LANDMARKS: mesh_columns(landmarks(number)),
        schemas.MASKS: {"mask": encode_png(mask(number), "mask")},
        schemas.CAMERAS: {**size, **camera_columns(camera(number))},
    }
    for schema, values in rows.items():
        if schema is not without:
            builder.add(schema, **base, **values)
    return item


def numbers_of(heads: Heads) -> list[int]:
    known = {head(number): number for number in range(len(SPLITS))}
    return [known[subject] for subject in heads.subjects]


def write_heads(folder: Path) -> None:
    """Five heads in three views each; the second view of the first head shows no face."""
    builder = Builder()
    add_heads(builder)
    # Later views first: the order of rows is the reader's.
    for view in reversed(range(VIEWS)):
        for number, split in enumerate(SPLITS):
            add_view(builder, number, view, split, seen=(number, view) != (0, 1))
    builder.write(folder)
