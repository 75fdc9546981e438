"""The page of a flow's run: the build's own lines as its log, and what it made as artifacts.

The artifacts are named ``build`` (stages, figures, settings), ``items`` (rows and rejects of every
step), ``metrics`` (beside those of the run before), ``report`` (a link) and ``review``.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.artifacts import (
    Artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.logging import get_logger, get_run_logger
from prefect.runtime import flow_run

from flows.counts import table_counts
from flows.figures import REPORT, main_figures
from flows.graph import read_metrics
from flows.left import items_left, sentence
from flows.review import Left, branch_name, review_text
from flows.screen import Ended, Screen

METRICS = "metrics"


def run_log() -> logging.LoggerAdapter[Any]:
    """The current flow run's log at its server; nothing of it goes to the console."""
    run = get_run_logger()
    assert isinstance(run, logging.LoggerAdapter)
    return logging.LoggerAdapter(get_logger("extra"), run.extra)


def run_branch(kind: str) -> str:
    """The branch that is named after the current flow run."""
    return branch_name(kind, str(flow_run.get_name()), str(flow_run.get_id()))


def say_what_holds(project: Path, screen: Screen) -> None:
    """Name the items left to try again, and put the build's outcome on the page of its run."""
    left = [sentence(stage, reasons) for stage, reasons in items_left(project).items()]
    for line in left:
        screen.say(line)
    settings = (project / "params.yaml").read_text(encoding="utf-8")
    create_markdown_artifact(
        markdown=page(screen.ended, left, main_figures(project), settings),
        key="build",
        description="What a build made, with which settings",
    )
    create_table_artifact(
        table_counts(project), key="items", description="Rows and rejects of every step"
    )
    show_metrics(read_metrics(project))
    if (project / REPORT).is_file():
        create_link_artifact(
            (project / REPORT).as_uri(),
            link_text=str(project / REPORT),
            key="report",
            description="The report, on the machine that built it",
        )


def show_metrics(metrics: Mapping[str, float]) -> None:
    """Put metrics on the page of the run, beside those that the run before had put there."""
    # Declared as one to await as well, which it is not here.
    last: Any = Artifact.get(METRICS)
    before = {row["metric"]: row["now"] for row in json.loads(last.data)} if last else {}
    if metrics:
        create_table_artifact(
            metric_rows(metrics, before), key=METRICS, description="Beside those of the last run"
        )


def metric_rows(now: Mapping[str, float], before: Mapping[str, float]) -> list[dict[str, Any]]:
    """A row for every metric, with its value in the last run and the change where it had one."""
    return [
        {
            "metric": name,
            "now": value,
            "last run": before.get(name),
            "change": value - before[name] if before.get(name) is not None else None,
        }
        for name, value in now.items()
    ]


def show_review(left: Left, project: Path, screen: Screen) -> None:
    """Say how the branch of a build is reviewed, in its log and on the page of its run."""
    report = REPORT if (project / REPORT).is_file() else None
    also = f" and {project / report}" if report else ""
    screen.say(
        f"the data changed: branch {left.branch}; review with "
        f"`dvc diff {left.base} {left.branch}`{also}"
    )
    create_markdown_artifact(
        review_text(left, project, report),
        key="review",
        description="How to review what a build changed",
    )


def page(ended: list[Ended], left: list[str], figures: list[str], settings: str) -> str:
    """Markdown of a build: its stages, the main figures, the items left out, and the settings."""
    stages = "\n".join(f"| {end.stage} | {_cell(end.text)} | {end.seconds:.1f} |" for end in ended)
    parts = [f"| stage | | seconds |\n|---|---|---:|\n{stages}"]
    parts += [f"- {line}" for line in left]
    parts += [
        f"## {title}\n\n{_block(text)}"
        for title, text in (("Figures", "\n".join(figures)), ("Settings", settings))
        if text
    ]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _block(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
