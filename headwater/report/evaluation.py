"""Results of a trained system: figures, curves, errors of every head, and reconstructions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.cameras import camera_of
from headwater.artifacts.evaluate_schemas import ERRORS, EXAMPLES, PHOTO_HEADS
from headwater.artifacts.figures import FIGURES
from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.meshes import from_ply
from headwater.artifacts.tables import Row
from headwater.geometry.cameras import Camera
from headwater.report.frames import photo_names
from headwater.report.reading import figures_of, rows_of_file, series_of

KINDS = ("photo", "best", "median", "worst")


@dataclass(frozen=True)
class Reconstruction:
    """A reconstructed photo or test head.

    vertices: (V, 3) float32 mm, head frame. faces: (F, 3) int32. truth: the same of the true
    surface. distance: (V,) float32 mm to the true surface. steps: (V, 3) float32 mm each.
    landmarks, detected: (68, 2) float32 px of the reconstruction and of the frame.
    """

    name: str
    kind: str
    image: NDArray[np.uint8]
    camera: Camera
    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    truth: tuple[NDArray[np.float32], NDArray[np.int32]] | None
    distance: NDArray[np.float32] | None
    steps: list[NDArray[np.float32]]
    landmarks: NDArray[np.float32]
    detected: NDArray[np.float32]
    error: Row | None


@dataclass(frozen=True)
class Evaluation:
    """Everything a system's training and evaluation left; None or empty where it is missing."""

    metrics: dict[str, Any] | None
    loss: dict[str, list[float]] | None
    descent: dict[str, list[float]] | None
    errors: list[Row]
    reconstructions: list[Reconstruction]


def read_evaluation(data: Path, system: str, photos: int) -> Evaluation:
    """Read what ``system`` left below ``data``; at most ``photos`` reconstructed photos."""
    folder, photographed = data / "evaluate" / system, data / "reconstruct" / system
    errors = rows_of_file(folder / "errors.parquet", ERRORS) or []
    examples = rows_of_file(folder / "examples.parquet", EXAMPLES) or []
    heads = rows_of_file(photographed / "heads.parquet", PHOTO_HEADS) or []
    names = photo_names(data)
    by_item = {row["item"]: row for row in errors}
    found = [_reconstruction(row, names, by_item.get(row["item"])) for row in examples]
    found += [_reconstruction({**row, **_OF_A_PHOTO}, names, row) for row in heads]
    found.sort(key=lambda one: (KINDS.index(one.kind), one.name))
    shown = [one for one in found if one.kind == "photo"][:photos]
    metrics = figures_of(folder / FIGURES)
    return Evaluation(
        metrics and {**metrics, **(figures_of(photographed / FIGURES) or {})},
        series_of(data / "train" / system / "loss.csv"),
        series_of(folder / "descent.csv"),
        errors,
        shown + [one for one in found if one.kind != "photo"],
    )


_OF_A_PHOTO = {"kind": "photo", "mesh_truth": None, "distance_mm": None}


def _reconstruction(row: Row, names: dict[str, str], error: Row | None) -> Reconstruction:
    image = decode_png(row["image"])
    vertices, faces = from_ply(row["mesh"]["bytes"], f"mesh of {row['item']}")
    truth = row["mesh_truth"]
    distance = row["distance_mm"]
    name = names.get(row["item"]) or names.get(row["parent"]) or f"head {row['subject'][:6]}"
    return Reconstruction(
        name,
        row["kind"],
        image,
        camera_of(row, (image.shape[1], image.shape[0])),
        vertices,
        faces,
        from_ply(truth["bytes"], f"true mesh of {row['item']}") if truth else None,
        np.array(distance, np.float32) if distance is not None else None,
        [np.array(step, np.float32).reshape(-1, 3) for step in row["steps_mm"]],
        landmarks_of(row, "landmarks_68_px"),
        landmarks_of(row, "landmarks_68_detected_px"),
        error,
    )
