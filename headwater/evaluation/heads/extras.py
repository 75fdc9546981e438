"""Further tables on answers from one frontal view: errors, examples, heat map, descent."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from headwater.artifacts.atomic import write_text
from headwater.artifacts.evaluate_schemas import ERRORS, EXAMPLES
from headwater.artifacts.provenance import ORIGIN_COLUMNS
from headwater.artifacts.schemas import TRUTH
from headwater.artifacts.tables import Row, read_table, to_table, write_bucket
from headwater.data.tables import read_model
from headwater.evaluation.challenge import Figures, Judged, Score
from headwater.evaluation.heads.baselines import MEAN_HEAD, mean_head
from headwater.evaluation.heads.examples import error_row, looks_row, with_truth
from headwater.evaluation.heads.heat_map import write_heat_maps
from headwater.evaluation.heads.table import of_system, rows_of
from headwater.evaluation.heads.trials import HELD_OUT
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.summary import FRONTAL

HEADLINE = "face_scan_to_mesh_mm"


def write_extras(
    data: Path, out: Path, judged: Sequence[Judged], baselines: Sequence[Score]
) -> Figures:
    """Write heat_map.parquet and, of a system, errors.parquet, examples.parquet and descent.csv.

    judged: the answers that are looked at. Returns the mean vertex error, mm, of answers in the
    topology of the truth.
    """
    rows = [_row(one) for one in judged]
    model = read_model(data)
    write_heat_maps(out, rows, mean_head(data, model), model.faces)
    if not baselines:
        return {}
    errors = _errors(data, judged, baselines)
    write_bucket(out / "errors.parquet", ERRORS, to_table(ERRORS, errors), "")
    examples = _examples(data, judged, model.faces)
    write_bucket(out / "examples.parquet", EXAMPLES, to_table(EXAMPLES, examples), "")
    descents = [_steps_mm(one) for one in judged if has_steps(one)]
    if not descents:
        return {}
    longest = max(map(len, descents))
    # A head stays where its descent ended.
    held = [np.pad(one, (0, longest - len(one)), "edge") for one in descents]
    steps_mm = np.mean(held, axis=0)
    lines = [f"{step},{error:.6g}" for step, error in enumerate(steps_mm)]
    write_text(out / "descent.csv", "\n".join(["step,vertex_error_mm", *lines]) + "\n")
    return {"vertex_error_mm": float(steps_mm[-1])}


def has_steps(one: Judged) -> bool:
    """True for a judged answer that is the end of steps in the topology of the truth."""
    if one.failure is not None or not len(one.answer.steps):
        return False
    return bool(one.answer.vertices.shape == one.question.content.case.truth.vertices.shape)


def vertex_error(one: Judged) -> float:
    """Mean distance, mm, of corresponding vertices of the face after the scan-to-mesh alignment."""
    return float(_steps_mm(one)[-1])


def best_median_worst(judged: Sequence[Judged]) -> list[tuple[str, Judged]]:
    """The best, the median and the worst of the heads that could be judged."""
    ordered = sorted(
        (one for one in judged if one.failure is None),
        key=lambda one: (one.values[HEADLINE], one.question.subject),
    )
    if not ordered:
        return []
    places = {"best": 0, "median": len(ordered) // 2, "worst": len(ordered) - 1}
    return [(kind, ordered[place]) for kind, place in places.items()]


def _row(one: Judged) -> BenchmarkRow:
    """The row of a judged answer, with its heat map."""
    question = one.question
    heat = None if one.detail is None else one.detail.heat
    return BenchmarkRow(
        question.subject,
        one.system,
        len(question.content.views),
        question.content.yaw_degrees,
        question.content.case.truth.expression_mm,
        failure=one.failure,
        first_view=question.content.first_view,
        camera=question.content.case.camera,
        pitch_degrees=question.content.pitch_degrees,
        size=one.size,
        heat=heat,
    )


def _errors(data: Path, judged: Sequence[Judged], baselines: Sequence[Score]) -> list[Row]:
    origins = _origins(data)
    held_out = rows_of(baselines).get(HELD_OUT, [])
    mean = {
        row.subject: row.face_scan_to_mesh_mm
        for row in of_system(held_out, MEAN_HEAD, 1)
        if row.failure is None
    }
    errors = []
    for one in judged:
        subject = one.question.subject
        if one.failure is not None or subject not in mean:
            reason = one.failure or "the mean head could not be aligned"
            errors.append(error_row(one.system, origins[subject], failure=reason))
            continue
        errors.append(
            error_row(
                one.system,
                origins[subject],
                face_scan_to_mesh_mm=one.values[HEADLINE],
                mean_head_face_scan_to_mesh_mm=mean[subject],
                vertex_error_mm=vertex_error(one) if has_steps(one) else None,
            )
        )
    return errors


def _examples(data: Path, judged: Sequence[Judged], faces: NDArray[np.int32]) -> list[Row]:
    origins = _origins(data)
    examples = []
    for kind, one in best_median_worst(judged):
        views = one.question.content.views
        origin = origins[one.question.subject]
        row = looks_row(one.system, origin, views, one.answer, views.camera(0))
        examples.append({**with_truth(row, one, faces), "kind": kind})
    return examples


def _origins(data: Path) -> dict[str, Row]:
    """The first view's row of every head."""
    first = read_table(data, TRUTH, (*ORIGIN_COLUMNS, "view"), pc.field("view") == FRONTAL)
    return {row["subject"]: row for row in first.to_pylist()}


def _steps_mm(one: Judged) -> NDArray[np.floating[Any]]:
    heat = one.detail.heat
    truth = one.question.content.case.truth.vertices[heat.region]
    aligned = [heat.transform.apply(step) for step in one.answer.steps[:, heat.region]]
    return np.asarray(np.linalg.norm(np.stack(aligned) - truth, axis=2).mean(axis=1))
