"""A system on the photos of a build: from views to a mesh of each, with its landmark error."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.evaluate_schemas import PHOTO_HEADS
from headwater.artifacts.glb import to_glb
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.tables import Row, to_table, write_bucket
from headwater.data.scenes import Views
from headwater.data.views import of_photos, read_views
from headwater.evaluation.challenge import Answerer, Figures
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.examples import looks_row
from headwater.faces.vocabulary import ibug68
from headwater.geometry.cameras import Camera, project
from headwater.geometry.pose import refined_camera
from headwater.metrics.landmarks import normalised_mean_error
from headwater.metrics.regions import intersection_over_union
from headwater.metrics.silhouette import silhouette

Counter = Callable[[int], None]
FILE: Final = "heads.parquet"


@dataclass(frozen=True)
class PhotoQuestion:
    """Photos of one head, whose truth nobody knows."""

    views: Views
    true_landmarks_mm: None = None


def reconstruct_photos(
    system: str, answer: Answerer, data: Path, out: Path, progress: Counter | None
) -> Figures:
    """Reconstruct the head of every photo that has landmarks, a mask and a camera.

    Writes heads.parquet and meshes/ below ``out``; returns the figures. progress is called with 1
    after every photo.
    """
    rows = []
    annotations = of_photos(data)
    views = read_views(data, annotations)
    for number, annotation in enumerate(annotations):
        view = views.choose(np.array([number]))
        rows.append(_head(system, answer, annotation.row, view, out / "meshes"))
        if progress is not None:
            progress(1)
    write_bucket(out / FILE, PHOTO_HEADS, to_table(PHOTO_HEADS, rows), "")
    return _figures(rows)


def refined_cameras(views: Views, answer: HeadAnswer) -> list[Camera]:
    """The cameras of photos, solved again for the head that was reconstructed.

    A photo's camera was solved against the mean head. Descending once more with the new camera
    was tried and did not lower the landmark error. Needs landmarks in every view.
    """
    landmarks = answer.template.landmarks_68(answer.vertices)
    return [
        refined_camera(views.camera(i), landmarks, ibug68(views.landmarks_478_px[i]))
        for i in range(len(views))
    ]


def landmark_nme(views: Views, cameras: Sequence[Camera], answer: HeadAnswer) -> list[float]:
    """Reprojected 68-landmark error of each view, a fraction of the outer eye-corner distance."""
    landmarks = answer.template.landmarks_68(answer.vertices)
    return [
        normalised_mean_error(project(camera, landmarks)[0], ibug68(seen).astype(np.float64))
        for camera, seen in zip(cameras, views.landmarks_478_px, strict=True)
    ]


def _head(system: str, answer: Answerer, row: Row, view: Views, meshes: Path) -> Row:
    """The row of a photo's head; its meshes are written."""
    head = answer(PhotoQuestion(view))
    faces = head.template.faces
    cameras = refined_cameras(view, head)
    write_bytes(meshes / f"{row['item']}.ply", to_ply(head.vertices, faces))
    write_bytes(meshes / f"{row['item']}.glb", to_glb(head.vertices, faces))
    mask = view.masks[0] > 0
    covered = silhouette(
        project(cameras[0], head.vertices)[0],
        faces,
        (mask.shape[1], mask.shape[0]),
    )
    return {
        **looks_row(system, row, view, head, cameras[0]),
        "landmark_nme_percent": 100 * landmark_nme(view, cameras, head)[0],
        "mask_iou": intersection_over_union(covered, mask),
    }


def _figures(rows: list[Row]) -> Figures:
    if not rows:
        return {"real_photos": 0}
    nmes = [row["landmark_nme_percent"] for row in rows]
    return {
        "real_photos": len(rows),
        "real_landmark_nme_percent": float(np.mean(nmes)),
        "real_landmark_nme_percent_worst": max(nmes),
        "real_mask_iou": float(np.mean([row["mask_iou"] for row in rows])),
    }
