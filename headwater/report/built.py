"""Section on the build: the graph with its counts, the steps, and the rejects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from headwater.artifacts.figures import FIGURES
from headwater.report.comparison import BASELINE, NAMES, TEST_SETS, Compared
from headwater.report.counts import Rejection, StepCount
from headwater.report.diagram import PLACES, Node, diagram
from headwater.report.evaluation import Evaluation
from headwater.report.figures import HEADLINE, leading_camera, of_camera
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
    "maps": "map",
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
    quality: dict[str, Any] | None,
    systems: Sequence[Node],
) -> Built:
    """The graph, one row per step, one row per reason. systems: ``heads_nodes`` or others."""
    nodes = [_step_node(step, views) for step in steps]
    nodes += [
        _node("quality", None if quality is None else "checked on truth"),
        _node("report", "this page"),
        *systems,
    ]
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


def heads_nodes(evaluation: Evaluation, compared: Compared, title: str) -> list[Node]:
    """Nodes of the system for heads that is shown first, and of what it is judged beside."""
    metrics, loss = evaluation.metrics, evaluation.loss
    first = next((line for line in compared.lines if line.system == NAMES[BASELINE]), None)
    other = [line for line in compared.lines if line.test_set == TEST_SETS["other"]]
    asked = max((line.subjects + line.failures for line in other), default=0)
    others = plural(asked, NOUNS["synthesize"]) if asked else "none asked for"
    error = None if metrics is None else _face_error(metrics)
    return [
        _node("train", _training_steps(loss, title) if loss else None),
        _node("evaluate", f"{error} mm face error" if error else None),
        _node("other_heads", others if first else None),
        _node("baselines", f"{number(first.error.value)} mm mean head" if first else None),
    ]


def _face_error(metrics: Mapping[str, Any]) -> str:
    return number(of_camera(metrics, leading_camera(metrics)).get(HEADLINE))


def systems_nodes(data: Path, build: Mapping[str, str]) -> list[Node]:
    """Nodes of a build without systems for heads: how many were trained and judged."""
    trained = sum((data / "train" / name / "loss.csv").exists() for name in build)
    judged = sum((data / "evaluate" / name / FIGURES).exists() for name in build)
    compared = sum(
        (data / "evaluate" / "baselines" / name).is_dir() for name in set(build.values())
    )
    return [
        _node("train", plural(trained, "system") if trained else None),
        _node("evaluate", plural(judged, "system") if judged else None),
        _node("baselines", plural(compared, "challenge") if compared else None),
    ]


def _node(name: str, caption: str | None) -> Node:
    return Node(name, *PLACES[name], caption or "not built", built=bool(caption))


def _training_steps(loss: dict[str, list[float]], title: str) -> str:
    return f"{plural(round(next(iter(loss.values()))[-1]), 'step')}, {title}"
