"""Console of a build: one line per finished stage, and live bars on a terminal only.

The same lines go to a log, which is that of the flow's run at its server.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tasks.console import VOICE, finished_line


@dataclass(frozen=True)
class Ended:
    """A stage that ended, its line, and the seconds it took."""

    stage: str
    text: str
    seconds: float


class Screen:
    """The console of a build; may be used from several threads."""

    def __init__(self, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        self.ended: list[Ended] = []
        self._log = log
        self._lock = Lock()
        self._started: dict[str, float] = {}
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=Console(file=VOICE.out, highlight=False, markup=False, soft_wrap=True),
            transient=True,
            refresh_per_second=4,
            disable=not VOICE.out.isatty(),
        )

    @contextmanager
    def live(self) -> Iterator[None]:
        """Draw the bars of running stages until the end of the block."""
        with self._progress:
            yield

    def start(self, stage: str) -> None:
        """A stage begins."""
        with self._lock:
            self._started[stage] = time.perf_counter()
            self._bars[stage] = self._progress.add_task(stage, total=None, note="")

    def progress(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show the progress of a stage."""
        text = f"{done}/{total} {note}"
        self._progress.update(self._bars[stage], completed=done, total=total, note=text)

    def finish(self, stage: str, text: str) -> None:
        """A stage is done."""
        self.say(finished_line(stage, text, self._end(stage, text)))

    def fail(self, stage: str, message: str, details: str = "") -> None:
        """A stage failed; the details, a traceback, are for the log alone."""
        self._end(stage, f"failed: {message}")
        self._progress.refresh()
        self._log.error(f"{message}\n{details}".strip())
        VOICE.complain(message)

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._log.info(text)
        with self._lock:
            if self._progress.disable:
                VOICE.say(text)
            else:
                self._progress.console.print(text)

    def _end(self, stage: str, text: str) -> float:
        with self._lock:
            self._progress.remove_task(self._bars.pop(stage))
            seconds = time.perf_counter() - self._started.pop(stage)
            self.ended.append(Ended(stage, text, seconds))
            return seconds


def event_to_progress(screen: Screen, stage: str, event: dict[str, Any]) -> None:
    """Show the progress that a step reported."""
    if "total" in event:
        screen.progress(stage, event["done"], event["total"], event.get("note", ""))
