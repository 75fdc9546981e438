"""GLVD's evaluation as a stage of the pipeline: from weights to figures."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from headwater.artifacts.atomic import write_bytes, write_text
from headwater.artifacts.evaluate_schemas import ERRORS, EXAMPLES
from headwater.artifacts.figures import write_figures
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.schemas import TRUTH
from headwater.artifacts.tables import Row, read_table, to_table, write_bucket
from headwater.benchmark.baselines import MEAN_HEAD
from headwater.benchmark.figures import CHOSEN, figures
from headwater.benchmark.results import write_results
from headwater.benchmark.table import SetRows, of_system, read_rows
from headwater.benchmark.trials import HELD_OUT, read_cases
from headwater.config import Params
from headwater.datasets.scenes import Template
from headwater.descent.evaluate import Evaluation, evaluate, vertex_error
from headwater.descent.examples import best_median_worst, error_row, looks_row, with_truth
from headwater.descent.weights import load_weights
from headwater.errors import HeadwaterError
from headwater.training.device import chosen_device
from headwater.training.loop import deterministic

Counter = Callable[[int], None]


def evaluate_stage(
    system: str, params: Params, data: Path, out: Path, progress: Counter | None
) -> dict[str, Any]:
    """Evaluate the weights on the benchmark.

    Writes figures.json, metrics.json, what ``write_results`` writes, descent.csv, errors.parquet,
    examples.parquet and the mean head below ``out``. progress is called with 1 after every trial.
    """
    settings = getattr(params.systems, system)
    device = chosen_device(settings.device, f"systems.{system}.device")
    net = params.systems.glvd.heatmap_net if system == "glvd" else None
    trained = load_weights(
        data / "train" / system / "weights.safetensors", net and data.parent / net
    )
    trained.network.to(device)
    iterations = settings.iterations
    baselines = read_rows(data / "evaluate" / "baselines")
    with deterministic(trained.config.threads, device):
        evaluation = evaluate(
            trained,
            read_cases(data),
            system=system,
            size=settings.size,
            iterations=iterations,
            progress=progress,
        )
    if not evaluation.sound:
        raise HeadwaterError(f"{system}: every alignment failed; the weights are not usable")
    errors, examples = _heads(system, evaluation, baselines, trained.template, data)
    mean_head = to_ply(trained.mean_head, trained.template.faces)
    write_bytes(out / "meshes" / "mean_head.ply", mean_head)
    write_results(out, evaluation.rows, trained.mean_head, trained.template.faces)
    write_bucket(out / "errors.parquet", ERRORS, to_table(ERRORS, errors), "")
    write_bucket(out / "examples.parquet", EXAMPLES, to_table(EXAMPLES, examples), "")
    steps = [f"{step},{error:.6g}" for step, error in enumerate(evaluation.steps_mm())]
    write_text(out / "descent.csv", "\n".join(["step,vertex_error_mm", *steps]) + "\n")
    metrics = {
        **figures(system, evaluation.rows, baselines),
        "vertex_error_mm": float(np.mean([vertex_error(a) for a in evaluation.sound])),
    }
    return write_figures(out, metrics, CHOSEN)


def _heads(
    system: str, evaluation: Evaluation, baselines: SetRows, template: Template, data: Path
) -> tuple[list[Row], list[Row]]:
    """Error rows of all held-out heads seen once, and example rows of three of them."""
    first = [row for row in read_table(data, TRUTH).to_pylist() if not row["view"]]
    origins = {row["subject"]: row for row in first}
    mean = {
        row.subject: row.face_scan_to_mesh_mm
        for row in of_system(baselines[HELD_OUT], MEAN_HEAD, 1)
    }
    errors = []
    for answer in evaluation.single:
        subject = answer.row.subject
        if answer.row.failure is not None or not math.isfinite(mean[subject]):
            reason = answer.row.failure or "the mean head could not be aligned"
            errors.append(error_row(system, origins[subject], failure=reason))
            continue
        errors.append(
            error_row(
                system,
                origins[subject],
                face_scan_to_mesh_mm=answer.row.face_scan_to_mesh_mm,
                mean_head_face_scan_to_mesh_mm=mean[subject],
                vertex_error_mm=vertex_error(answer),
            )
        )
    examples = []
    for kind, answer in best_median_worst(evaluation):
        subject = origins[answer.row.subject]
        row = looks_row(system, subject, answer.trial.views, answer.found, template)
        examples.append({**with_truth(row, answer, template), "kind": kind})
    return errors, examples
