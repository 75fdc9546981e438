"""Reconstructions to look at, as rows of tables."""

from typing import Any

import numpy as np

from headwater.artifacts.cameras import camera_columns
from headwater.artifacts.images import encode_png
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.provenance import origin
from headwater.artifacts.tables import Row
from headwater.datasets.scenes import Template, Views
from headwater.descent.evaluate import Answer, Evaluation
from headwater.descent.reconstruct import Reconstruction
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import project


def looks_row(
    system: str, row: Row, views: Views, found: Reconstruction, template: Template
) -> Row:
    """Columns to look at of a reconstruction from one view; ``row`` gives its origin."""
    camera = found.cameras[0]
    projected, _ = project(camera, template.landmarks_68(found.vertices))
    item = row["item"]
    return {
        **origin(row),
        "system": system,
        "image": encode_png(views.images[0], item),
        **camera_columns(camera),
        "mesh": {"bytes": to_ply(found.vertices, template.faces), "path": f"{item}.ply"},
        "steps_mm": [step.ravel().tolist() for step in found.steps],
        "landmarks_68_px": projected.ravel().tolist(),
        "landmarks_68_found_px": views.landmarks_478_px[0][IBUG68_FROM_478].ravel().tolist(),
    }


def with_truth(example: Row, answer: Answer, template: Template) -> Row:
    """The row with the true surface and each predicted vertex's distance to it."""
    heat = answer.row.heat
    assert heat is not None, "an example is chosen among the heads that were judged"
    truth = answer.trial.case.truth
    distances = truth.triangles.distances(heat.transform.apply(answer.found.vertices))
    mesh = to_ply(truth.vertices.astype(np.float32), template.faces)
    name = f"{example['item']}-truth.ply"
    return {
        **example,
        "mesh_truth": {"bytes": mesh, "path": name},
        "distance_mm": distances.astype(np.float32).tolist(),
    }


def best_median_worst(evaluation: Evaluation) -> list[tuple[str, Answer]]:
    """The best, the median and the worst of the heads that could be judged."""
    ordered = sorted(
        evaluation.sound, key=lambda answer: (answer.row.face_scan_to_mesh_mm, answer.row.subject)
    )
    places = {"best": 0, "median": len(ordered) // 2, "worst": len(ordered) - 1}
    return [(kind, ordered[place]) for kind, place in places.items()]


def error_row(system: str, origin_row: Row, **figures: Any) -> Row:
    """Row of the ``evaluate/errors`` table; figures that do not apply stay empty."""
    names = (
        "face_scan_to_mesh_mm",
        "mean_head_face_scan_to_mesh_mm",
        "vertex_error_mm",
        "failure",
    )
    return {**origin(origin_row), "system": system, **dict.fromkeys(names), **figures}
