"""GLVD on the photos of a build, as a stage of the pipeline: from weights to a mesh of each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from headwater.artifacts.atomic import write_bytes, write_text
from headwater.artifacts.evaluate_schemas import PHOTO_HEADS
from headwater.artifacts.glb import to_glb
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.tables import Row, to_table, write_bucket
from headwater.config import Params
from headwater.datasets.scenes import Views
from headwater.datasets.tables import read_photo_views
from headwater.descent.examples import looks_row
from headwater.descent.reconstruct import landmark_nme, reconstruct_photo
from headwater.descent.weights import TrainedGlvd, load_weights
from headwater.geometry.cameras import project
from headwater.metrics.regions import intersection_over_union
from headwater.metrics.silhouette import silhouette
from headwater.training.device import chosen_device
from headwater.training.loop import deterministic

Counter = Callable[[int], None]


def reconstruct_stage(
    system: str, params: Params, data: Path, out: Path, progress: Counter | None
) -> dict[str, Any]:
    """Reconstruct the head of every photo that has landmarks, a mask and a camera.

    Writes heads.parquet, metrics.json and meshes/ below ``out``. progress is called with 1 after
    every photo.
    """
    settings = getattr(params.systems, system)
    device = chosen_device(settings.device, f"systems.{system}.device")
    net = params.systems.glvd.heatmap_net if system == "glvd" else None
    trained = load_weights(
        data / "train" / system / "weights.safetensors", net and data.parent / net
    )
    trained.network.to(device)
    rows = []
    with deterministic(trained.config.threads, device):
        for row, view in read_photo_views(data):
            rows.append(_head(system, trained, row, view, settings.iterations, out / "meshes"))
            if progress is not None:
                progress(1)
    write_bucket(out / "heads.parquet", PHOTO_HEADS, to_table(PHOTO_HEADS, rows), "")
    figures = {name: round(value, 6) for name, value in sorted(_figures(rows).items())}
    write_text(out / "metrics.json", json.dumps(figures, indent=2) + "\n")
    return figures


def _head(
    system: str, trained: TrainedGlvd, row: Row, view: Views, iterations: int, meshes: Path
) -> Row:
    """The row of a photo's head; its meshes are written."""
    faces = trained.template.faces
    found = reconstruct_photo(trained, view, iterations=iterations)
    write_bytes(meshes / f"{row['item']}.ply", to_ply(found.vertices, faces))
    write_bytes(meshes / f"{row['item']}.glb", to_glb(found.vertices, faces))
    mask = view.masks[0] > 0
    covered = silhouette(
        project(found.cameras[0], found.vertices)[0],
        faces,
        (mask.shape[1], mask.shape[0]),
    )
    return {
        **looks_row(system, row, view, found, trained.template),
        "landmark_nme_percent": 100 * landmark_nme(trained, view, found)[0],
        "mask_iou": intersection_over_union(covered, mask),
    }


def _figures(rows: list[Row]) -> dict[str, float | int]:
    if not rows:
        return {"real_photos": 0}
    nmes = [row["landmark_nme_percent"] for row in rows]
    return {
        "real_photos": len(rows),
        "real_landmark_nme_percent": float(np.mean(nmes)),
        "real_landmark_nme_percent_worst": max(nmes),
        "real_mask_iou": float(np.mean([row["mask_iou"] for row in rows])),
    }
