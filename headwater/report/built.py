"""Section on the build: the graph with its counts, the steps, and the rejects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from headwater.report.comparison import BASELINE, NAMES, TEST_SETS, Compared
from headwater.report.counts import Rejection, StepCount
from headwater.report.diagram import PLACES, Node, diagram
from headwater.report.evaluation import Evaluation
from headwater.viewer.formats import number, plural

NOUNS = {
    "photos": "photo",
    "synthesize": "head",
    "ingest": "frame",
    "landmarks": "face",
    "masks": "mask",
    "parts": "label map",
    "cameras": "camera",
    "expressions": "edit",
    "sdf": "sample set",
}


@dataclass(frozen=True)
class Built:
    """Contents of the section."""

    graph: Markup
    steps: Sequence[StepCount]
    rejections: Sequence[Rejection]


def built_section(
    steps: Sequence[StepCount],
    views: int | None,
    rejected: Sequence[Rejection],
    evaluation: Evaluation,
    quality: dict[str, Any] | None,
    compared: Compared,
    title: str,
) -> Built:
    """The graph, one row per step, one row per reason."""
    nodes = [_step_node(step, views) for step in steps]
    nodes += _whole_nodes(evaluation, quality, title)
    nodes += _benchmark_nodes(compared)
    return Built(diagram(nodes), steps, rejected)


def _step_node(step: StepCount, views: int | None) -> Node:
    column, row = PLACES[step.step]
    if step.items is None:
        return Node(step.step, column, row, "not built", built=False)
    caption = plural(step.items, NOUNS[step.step])
    if step.step == "synthesize" and views is not None:
        caption += f", {plural(views, 'view')}"
    warning = f"−{step.rejects:,}" if step.rejects else ""
    return Node(step.step, column, row, caption, warning)


def _whole_nodes(evaluation: Evaluation, quality: dict[str, Any] | None, title: str) -> list[Node]:
    captions = {
        "train": None if evaluation.loss is None else _training_steps(evaluation.loss, title),
        "quality": None if quality is None else "checked on truth",
        "evaluate": None,
        "report": "this page",
    }
    if evaluation.metrics is not None:
        captions["evaluate"] = (
            f"{number(evaluation.metrics.get('face_scan_to_mesh_mm'))} mm face error"
        )
    return [
        Node(name, *PLACES[name], caption or "not built", built=caption is not None)
        for name, caption in captions.items()
    ]


def _benchmark_nodes(compared: Compared) -> list[Node]:
    """Nodes of the baselines: their error, and the number of test heads of another model."""
    captions = {"other_heads": "not built", "baselines": "not built"}
    first = next((line for line in compared.lines if line.system == NAMES[BASELINE]), None)
    if first is not None:
        other = [line for line in compared.lines if line.test_set == TEST_SETS["other"]]
        asked = max((line.subjects + line.failures for line in other), default=0)
        captions["other_heads"] = plural(asked, NOUNS["synthesize"]) if asked else "none asked for"
        captions["baselines"] = f"{number(first.error.value)} mm mean head"
    return [
        Node(name, *PLACES[name], caption, built=first is not None)
        for name, caption in captions.items()
    ]


def _training_steps(loss: dict[str, list[float]], title: str) -> str:
    return f"{next(iter(loss.values()))[-1]:,.0f} steps, {title}"
