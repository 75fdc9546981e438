"""A system on the photos of a build: from views to a mesh of each, with its landmark error."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.evaluate_schemas import PHOTO_FAILURES, PHOTO_HEADS
from headwater.artifacts.glb import to_glb
from headwater.artifacts.meshes import check_head_size, to_ply
from headwater.artifacts.provenance import origin
from headwater.artifacts.tables import Row, to_table, write_bucket
from headwater.data.scenes import Views
from headwater.data.views import photos_in_turn
from headwater.errors import HeadwaterError
from headwater.evaluation.attempt import UNEXPECTED, attempted
from headwater.evaluation.challenge import Answerer, Figures, Unanswered
from headwater.evaluation.heads.answer import HeadAnswer, check_answer
from headwater.evaluation.heads.examples import looks_row
from headwater.faces.vocabulary import ibug68
from headwater.geometry.cameras import Camera, project
from headwater.geometry.pose import refined_camera
from headwater.metrics.landmarks import seen_mean_error
from headwater.metrics.regions import intersection_over_union
from headwater.metrics.silhouette import silhouette

Counter = Callable[[int], None]
FILE: Final = "heads.parquet"
FAILURES: Final = "failures.parquet"
# Largest distance of a head's centre from the origin of its frame; heads of the head model have a
# few centimetres.
FARTHEST_MM: Final = 1000.0


@dataclass(frozen=True)
class PhotoQuestion:
    """Photos of one head, whose truth nobody knows."""

    views: Views
    true_landmarks_mm: None = None


def reconstruct_photos(
    system: str, answer: Answerer, data: Path, out: Path, progress: Counter | None
) -> Figures:
    """Reconstruct the head of every photo that has landmarks, a mask and a camera.

    Writes heads.parquet, meshes/ and, of photos without a head that can be used, failures.parquet
    below ``out``; returns the figures. progress is called with 1 after every photo. Raises
    HeadwaterError where every photo ends in a fault of the system's code.
    """
    rows, failures = [], []
    for annotation, view in photos_in_turn(data):
        origin_row = annotation.row
        row, failure = attempted(partial(_head, system, answer, origin_row, view, out / "meshes"))
        if row is not None:
            rows.append(row)
        else:
            failures.append({**origin(origin_row), "system": system, "failure": failure})
        if progress is not None:
            progress(1)
    for table in (rows, failures):
        table.sort(key=itemgetter("item"))
    if failures and not rows and all(one["failure"].startswith(UNEXPECTED) for one in failures):
        raise HeadwaterError(
            f"{system}: none of {len(failures)} photos could be reconstructed; the first, "
            f"item {failures[0]['item']}: {failures[0]['failure']}; mend the system"
        )
    write_bucket(out / FILE, PHOTO_HEADS, to_table(PHOTO_HEADS, rows), "")
    write_bucket(out / FAILURES, PHOTO_FAILURES, to_table(PHOTO_FAILURES, failures), "")
    return {**_figures(rows), "real_failures": len(failures)}


def refined_cameras(views: Views, answer: HeadAnswer) -> list[Camera]:
    """The cameras of photos, solved again for the head that was reconstructed.

    A photo's camera was solved against the mean head. Descending once more with the new camera
    was tried and did not lower the landmark error. Needs landmarks in every view.
    """
    landmarks = answer.template.landmarks_68(answer.vertices)
    cameras = []
    for i, detected in enumerate(ibug68(views.landmarks_478_px)):
        seen = np.isfinite(detected).all(axis=1)
        cameras.append(refined_camera(views.camera(i), landmarks[seen], detected[seen]))
    return cameras


def landmark_nme(views: Views, cameras: Sequence[Camera], answer: HeadAnswer) -> list[float]:
    """Reprojected 68-landmark error of each view, a fraction of the outer eye-corner distance.

    Over the landmarks that its photo shows.
    """
    landmarks = answer.template.landmarks_68(answer.vertices)
    return [
        seen_mean_error(project(camera, landmarks)[0], ibug68(seen).astype(np.float64))
        for camera, seen in zip(cameras, views.landmarks_478_px, strict=True)
    ]


def _head(system: str, answer: Answerer, row: Row, view: Views, meshes: Path) -> Row:
    """The row of a photo's head; its meshes are written. Raises Unanswered where it is no head."""
    head = answer(PhotoQuestion(view))
    _check_head(head)
    faces = head.template.faces
    (camera,) = refined_cameras(view, head)
    mask = view.masks[0] > 0
    covered = silhouette(
        project(camera, head.vertices)[0],
        faces,
        (mask.shape[1], mask.shape[0]),
    )
    measured = {
        "landmark_nme_percent": 100 * landmark_nme(view, [camera], head)[0],
        "mask_iou": intersection_over_union(covered, mask),
    }
    for name, value in measured.items():
        if not np.isfinite(value):
            raise Unanswered(f"{name} is {value}")
    looks = looks_row(system, row, view, head, camera)
    write_bytes(meshes / f"{row['item']}.ply", to_ply(head.vertices, faces))
    write_bytes(meshes / f"{row['item']}.glb", to_glb(head.vertices, faces))
    return {**looks, **measured}


def _check_head(head: HeadAnswer) -> None:
    """Raise Unanswered for vertices that no head has, TypeError or ValueError for other faults."""
    check_answer(head)
    if not np.isfinite(head.vertices).all():
        raise Unanswered("the head is not finite")
    try:
        check_head_size(head.vertices, "the head")
    except HeadwaterError as error:
        raise Unanswered(str(error)) from error
    away = float(np.linalg.norm(head.vertices.mean(axis=0, dtype=np.float64)))
    if away > FARTHEST_MM:
        raise Unanswered(f"the head lies {away:.4g} mm from the middle of its frame")


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
