"""Accuracy of a system: figures with baselines, curves, errors of every head, failures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from headwater.artifacts.tables import Row
from headwater.evaluation.claims import Claim, measured_with, read_claims
from headwater.report.charts import Series, cumulative, line_chart, pairs_chart
from headwater.report.evaluation import Evaluation
from headwater.report.figures import Compared, compared, label_of, others
from headwater.systems.system import System

STYLES = ("a", "b", "c", "d")
MAX_FAILURES = 12


@dataclass(frozen=True)
class Results:
    """Contents of the section; charts are empty where their file is missing.

    claims: of the paper, and goals of this project, as measured at the size that is built and not
    of this build; claims_file: that holds them; measured_with: in words.
    """

    metrics: dict[str, Any] | None
    compared: list[Compared]
    others: list[tuple[str, str, Any]]
    loss: Markup
    descent: Markup
    cumulative: Markup
    pairs: Markup
    wins: tuple[int, int]
    failures: list[Row]
    failure_count: int
    system: System
    claims: Sequence[Claim]
    claims_file: str
    measured_with: str


def results_section(
    evaluation: Evaluation, system: System, claims_file: Path | None = None
) -> Results:
    """Everything the section shows. claims_file: of ``write_claims``, below the project."""
    metrics = evaluation.metrics or {}
    heads = [row for row in evaluation.errors if _measured(row)]
    failures = [row for row in evaluation.errors if row["failure"] is not None]
    better = sum(
        row["face_scan_to_mesh_mm"] < row["mean_head_face_scan_to_mesh_mm"] for row in heads
    )
    tested = [row for row in evaluation.errors if row["source"] == "synthetic"]
    return Results(
        evaluation.metrics,
        compared(metrics),
        others(metrics),
        _loss(evaluation.loss),
        _descent(evaluation.descent),
        _cumulative(heads, len(tested), system.title),
        _pairs(heads, system.title),
        (better, len(heads)),
        failures[:MAX_FAILURES],
        len(failures),
        system,
        read_claims(claims_file) if claims_file else [],
        "/".join(claims_file.parts[-3:]) if claims_file else "",
        measured_with(claims_file) if claims_file else "",
    )


def _measured(row: Row) -> bool:
    return (
        row["face_scan_to_mesh_mm"] is not None
        and row["mean_head_face_scan_to_mesh_mm"] is not None
    )


def _words(name: str) -> str:
    label, unit = label_of(name)
    return f"{label}, {unit}" if unit else label


def smoothed(values: Sequence[float], window: int) -> list[float]:
    """Running mean over ``window`` values, over fewer at the beginning."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return [float(v) for v in (sums[ends] - sums[starts]) / (ends - starts)]


def _loss(table: dict[str, list[float]] | None) -> Markup:
    if not table or len(table) < 2:
        return Markup("")
    window = max(1, len(next(iter(table.values()))) // 40)
    series = [
        Series(_words(name), steps, smoothed(values, window), style)
        for style, (name, (steps, values)) in zip(STYLES, loss_curves(table).items(), strict=False)
    ]
    about = "Training loss over the steps of training, falling"
    return line_chart(series, f"training {next(iter(table))}", "loss", about, log=True)


def loss_curves(
    table: dict[str, list[float]],
) -> dict[str, tuple[list[float], list[float]]]:
    """Steps and values of each loss from step 1 on, where it has some; the largest last one first.

    Those of trainings before it end there; others begin later. Of a table with one column beside
    the steps it is that one, whatever its name.
    """
    steps, *columns = table.values()
    curves = {}
    for name, values in zip(list(table)[1:], columns, strict=True):
        known = [
            (step, value)
            for step, value in zip(steps, values, strict=True)
            if step > 0 and math.isfinite(value)
        ]
        if known and ("loss" in name or len(columns) == 1):
            curves[name] = ([step for step, _ in known], [value for _, value in known])
    return dict(sorted(curves.items(), key=lambda curve: -curve[1][1][-1]))


def _descent(table: dict[str, list[float]] | None) -> Markup:
    if not table or len(table) < 2:
        return Markup("")
    (_, x), *columns = table.items()
    series = [
        Series(_words(name), x, values, style)
        for style, (name, values) in zip(STYLES, columns, strict=False)
    ]
    about = "Mean error after every step of the descent"
    return line_chart(series, "step of the descent", "mm", about, log=True)


def _cumulative(heads: Sequence[Row], total: int, title: str) -> Markup:
    if not heads:
        return Markup("")
    ours = cumulative([row["face_scan_to_mesh_mm"] for row in heads], title, "a", total)
    base = cumulative(
        [row["mean_head_face_scan_to_mesh_mm"] for row in heads], "mean head", "b", total
    )
    about = "Share of held-out heads whose face error is at most x"
    return line_chart([base, ours], "face error, mm", "share of heads, %", about)


def _pairs(heads: Sequence[Row], title: str) -> Markup:
    pairs = [
        (
            f"head {row['subject'][:6]}",
            row["face_scan_to_mesh_mm"],
            row["mean_head_face_scan_to_mesh_mm"],
        )
        for row in heads
    ]
    about = f"Face error of every held-out head: {title} and mean head"
    return pairs_chart(pairs, (title, "mean head"), "face error, mm", about)
