"""The page of a flow's run: its settings, the build's own lines as its log, and an artifact."""

import logging
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.logging import get_logger, get_run_logger
from prefect.runtime import flow_run

from flows.figures import main_figures
from flows.left import items_left, sentence
from flows.screen import Ended, Screen
from headwater.config import Params


def run_log() -> logging.LoggerAdapter[Any]:
    """The current flow run's log at its server; nothing of it goes to the console."""
    run = get_run_logger()
    assert isinstance(run, logging.LoggerAdapter)
    return logging.LoggerAdapter(get_logger("extra"), run.extra)


def show_settings(params: Params) -> None:
    """Show the build's settings as the parameters of the current flow run."""
    with get_client(sync_client=True) as client:
        shown = {"settings": params.model_dump(mode="json")}
        client.update_flow_run(UUID(flow_run.get_id()), parameters=shown)


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
