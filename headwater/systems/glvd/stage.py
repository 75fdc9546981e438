"""GLVD as stages of the pipeline: from tables to weights, and from weights to figures."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from headwater.artifacts.atomic import write_bytes, write_text
from headwater.artifacts.meshes import to_glb, to_ply
from headwater.artifacts.schemas import ERRORS, EXAMPLES, TRUTH
from headwater.artifacts.tables import Row, read_table, to_table, write_bucket
from headwater.config import Params
from headwater.datasets.scenes import Template, Views
from headwater.datasets.tables import (
    read_heads,
    read_photo_views,
    read_sdf_samples,
    read_synthetic_views,
    template_of,
)
from headwater.heads.model import HeadModel
from headwater.systems.glvd.config import SIZES, GlvdConfig, without_keypoints
from headwater.systems.glvd.evaluate import (
    Evaluation,
    HeadError,
    evaluate,
    landmark_nme,
    reconstruct_photo,
)
from headwater.systems.glvd.examples import best_median_worst, error_row, example_row, with_truth
from headwater.systems.glvd.train import train
from headwater.systems.glvd.weights import TrainedGlvd, load_weights
from headwater.training.loop import Progress


def config_of(system: str, params: Params) -> GlvdConfig:
    """The size that the parameters name for a system, with the iterations that they set."""
    settings = getattr(params.systems, system)
    config = SIZES[settings.size].model_copy(update={"iterations": settings.iterations})
    return without_keypoints(config) if system == "lvd" else config


def training_steps(system: str, params: Params) -> int:
    """Optimiser steps of a training, its pre-training included."""
    config = config_of(system, params)
    return config.sdf_steps + config.steps


def train_stage(
    system: str,
    params: Params,
    model: HeadModel,
    data: Path,
    out: Path,
    checkpoints: Path,
    progress: Progress | None,
) -> dict[str, Any]:
    """Train on the tables below ``data``; write ``weights.safetensors`` and ``loss.csv``."""
    heads = read_heads(data)
    views = read_synthetic_views(data, heads)
    config = config_of(system, params)
    result = train(
        config,
        heads,
        views,
        template_of(model),
        out,
        checkpoints,
        samples=read_sdf_samples(data, heads) if config.sdf_steps else None,
        seed=params.seed,
        progress=progress,
    )
    write_text(out / "loss.csv", loss_table(result.curve))
    return {"steps": int(result.curve[-1]["step"]), "parameters": result.parameters}


def loss_table(curve: list[dict[str, float]]) -> str:
    """CSV of a training curve: step, the whole loss, its parts and the learning rate.

    Steps of pre-training are below zero; a part that a step does not have is left empty.
    """
    parts = sorted({name for record in curve for name in record if name.endswith("_loss")})
    lines = [",".join(["step", "loss", *parts, "learning_rate"])]
    for record in curve:
        there = [record[name] for name in parts if name in record]
        cells = [f"{record[name]:.6g}" if name in record else "" for name in parts]
        rate = f"{record['learning_rate']:.6g}"
        lines.append(",".join([str(int(record["step"])), f"{sum(there):.6g}", *cells, rate]))
    return "\n".join(lines) + "\n"


def evaluate_stage(system: str, params: Params, data: Path, out: Path) -> dict[str, Any]:
    """Evaluate the weights on held-out heads and on every photo.

    Writes metrics.json, descent.csv, errors.parquet, examples.parquet and meshes/ below ``out``.
    """
    trained = load_weights(data / "train" / system / "weights.safetensors")
    heads = read_heads(data)
    views = read_synthetic_views(data, heads)
    iterations = getattr(params.systems, system).iterations
    evaluation = evaluate(trained, heads, views, iterations=iterations)
    truth = {row["subject"]: row for row in read_table(data, TRUTH).to_pylist() if not row["view"]}
    errors = _head_rows(system, evaluation, truth)
    examples = []
    for kind, item in best_median_worst(evaluation):
        view = views.choose(np.array([item.view]))
        row = example_row(
            system, truth[item.subject], kind, view, item.reconstruction, trained.template
        )
        surface = heads.vertices[int(views.head[item.view])]
        examples.append(with_truth(row, surface, item, trained.template))
    nmes = []
    for row, view in read_photo_views(data):
        nme, example = _photo(system, trained, row, view, iterations, out)
        nmes.append(nme)
        errors.append(error_row(system, row, landmark_nme_percent=nme))
        examples.append(example)
    write_bytes(out / "meshes" / "mean_head.ply", to_ply(trained.mean_head, trained.template.faces))
    write_bucket(out / "errors.parquet", ERRORS, to_table(ERRORS, errors), "")
    write_bucket(out / "examples.parquet", EXAMPLES, to_table(EXAMPLES, examples), "")
    steps = [f"{step},{error:.6g}" for step, error in enumerate(evaluation.steps_mm)]
    write_text(out / "descent.csv", "\n".join(["step,vertex_error_mm", *steps]) + "\n")
    metrics = {**evaluation.summary, "real_photos": len(nmes)}
    if nmes:
        metrics |= {
            "real_landmark_nme_percent": float(np.mean(nmes)),
            "real_landmark_nme_percent_worst": max(nmes),
        }
    rounded = {name: round(value, 6) for name, value in sorted(metrics.items())}
    write_text(out / "metrics.json", json.dumps(rounded, indent=2) + "\n")
    return rounded


def _head_rows(system: str, evaluation: Evaluation, truth: dict[str, Row]) -> list[Row]:
    rows = []
    for item in evaluation.items:
        row = truth[item.subject]
        if math.isfinite(item.face_chamfer_mm) and math.isfinite(item.mean_head_face_chamfer_mm):
            rows.append(error_row(system, row, **_figures(item)))
        else:
            rows.append(error_row(system, row, failure="the rigid alignment did not converge"))
    return rows


def _figures(item: HeadError) -> dict[str, float]:
    return {
        "face_chamfer_mm": item.face_chamfer_mm,
        "mean_head_face_chamfer_mm": item.mean_head_face_chamfer_mm,
        "vertex_error_mm": item.vertex_error_mm,
    }


def _photo(
    system: str, trained: TrainedGlvd, row: Row, view: Views, iterations: int, out: Path
) -> tuple[float, Row]:
    """Landmark NME in % and the example row of a photo; its meshes are written."""
    template: Template = trained.template
    found = reconstruct_photo(trained, view, iterations=iterations)
    nme = 100 * landmark_nme(trained, view, found)[0]
    meshes = out / "meshes"
    write_bytes(meshes / f"{row['item']}.ply", to_ply(found.vertices, template.faces))
    write_bytes(meshes / f"{row['item']}.glb", to_glb(found.vertices, template.faces))
    return nme, example_row(system, row, "photo", view, found, template)
