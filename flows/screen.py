"""Console of a build: one line per finished stage, and live bars on a terminal only.

Elsewhere a line a minute says how far the running stages are when nothing else was said. The same
lines go to a log, which is that of the flow's run at its server.
"""

import logging
import time
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tasks.console import NAME_WIDTH, SILENT_SECONDS, VOICE, finished_line


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
        self._reached: dict[str, str] = {}
        self._said = time.monotonic()
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn(f"{{task.description:<{NAME_WIDTH}}}"),
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
        """Draw the bars of running stages, or say how far they are, until the end of the block."""
        ended = Event()
        if self._progress.disable:
            Thread(target=self._break_silence, args=(ended,), name="screen", daemon=True).start()
        try:
            with self._progress:
                yield
        finally:
            ended.set()

    def start(self, stage: str) -> None:
        """A stage begins."""
        with self._lock:
            self._started[stage] = time.perf_counter()
            self._bars[stage] = self._progress.add_task(stage, total=None, note="")

    def progress(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show the progress of a stage."""
        text = f"{done}/{total} {note}".rstrip()
        with self._lock:
            self._reached[stage] = text
            self._progress.update(self._bars[stage], completed=done, total=total, note=text)

    def finish(self, stage: str, text: str) -> None:
        """A stage is done."""
        self.say(finished_line(stage, text, self._end(stage, text)))

    def fail(self, stage: str, message: str, details: str = "") -> None:
        """A stage failed; the details, a traceback, are for the log alone."""
        self._end(stage, f"failed: {message}")
        self._progress.refresh()
        self._log.error(f"{message}\n{details}".strip())
        lines = message.splitlines()
        VOICE.complain(
            "\n".join(one if one.startswith(f"{stage}:") else f"{stage}: {one}" for one in lines)
        )

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._log.info(text)
        with self._lock:
            self._said = time.monotonic()
            if self._progress.disable:
                VOICE.say(text)
            else:
                self._progress.console.print(text)

    def _end(self, stage: str, text: str) -> float:
        with self._lock:
            self._progress.remove_task(self._bars.pop(stage))
            self._reached.pop(stage, None)
            seconds = time.perf_counter() - self._started.pop(stage)
            self.ended.append(Ended(stage, text, seconds))
            return seconds

    def _break_silence(self, ended: Event) -> None:
        """Say where the build stands whenever nothing was said for ``SILENT_SECONDS``."""
        try:
            while not ended.wait(SILENT_SECONDS / 60):
                if self._started and time.monotonic() - self._said >= SILENT_SECONDS:
                    self.say(f"running: {self._standing()}")
        except KeyboardInterrupt:
            # Nobody reads any more, which ends the build, not this thread alone.
            interrupt_main()

    def _standing(self) -> str:
        """The running stages, how far each is, and its seconds so far."""
        with self._lock:
            now = time.perf_counter()
            return ", ".join(
                " ".join((stage, *self._reached.get(stage, "").split(), f"({now - since:.0f} s)"))
                for stage, since in self._started.items()
            )


def event_to_progress(screen: Screen, stage: str, event: dict[str, Any]) -> None:
    """Show the progress that a step reported."""
    if "total" in event:
        screen.progress(stage, event["done"], event["total"], event.get("note", ""))
