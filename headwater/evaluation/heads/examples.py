"""Reconstructions to look at, as rows of tables."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.cameras import camera_columns
from headwater.artifacts.images import encode_png
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.provenance import origin
from headwater.artifacts.tables import Row
from headwater.data.scenes import Views
from headwater.evaluation.challenge import Judged
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import Camera, project


def looks_row(system: str, row: Row, views: Views, answer: HeadAnswer, camera: Camera) -> Row:
    """Columns to look at of a head from one view; ``row`` gives its origin.

    camera: the one that sees the head where the view shows it.
    """
    template = answer.template
    projected, _ = project(camera, template.landmarks_68(answer.vertices))
    item = row["item"]
    return {
        **origin(row),
        "system": system,
        "image": encode_png(views.images[0], item),
        **camera_columns(camera),
        "mesh": {"bytes": to_ply(answer.vertices, template.faces), "path": f"{item}.ply"},
        "steps_mm": [step.ravel() for step in answer.steps],
        "landmarks_68_px": projected.ravel().tolist(),
        "landmarks_68_detected_px": views.landmarks_478_px[0][IBUG68_FROM_478].ravel().tolist(),
    }


def with_truth(example: Row, one: Judged, faces: NDArray[np.int32]) -> Row:
    """The row with the true surface and each predicted vertex's distance to it.

    faces: (F, 3) of the true surface.
    """
    truth = one.question.content.case.truth
    distances = truth.triangles.distances(one.detail.heat.transform.apply(one.answer.vertices))
    mesh = to_ply(truth.vertices.astype(np.float32), faces)
    name = f"{example['item']}-truth.ply"
    return {
        **example,
        "mesh_truth": {"bytes": mesh, "path": name},
        "distance_mm": distances.astype(np.float32).tolist(),
    }


def error_row(system: str, origin_row: Row, **figures: Any) -> Row:
    """Row of the ``evaluate/errors`` table; figures that do not apply stay empty."""
    names = (
        "face_scan_to_mesh_mm",
        "mean_head_face_scan_to_mesh_mm",
        "vertex_error_mm",
        "failure",
    )
    return {**origin(origin_row), "system": system, **dict.fromkeys(names), **figures}
