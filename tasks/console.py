"""Output of a step: one line when it is done, and a progress bar on a terminal only.

Libraries that chatter on standard output or error write into a log file instead. Under a flow,
which draws for all steps, progress and result go to it as lines of JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from headwater.errors import HeadwaterError
from headwater.reject_reasons import PASSING
from headwater.upkeep.places import refusal

EVENTS = "HEADWATER_EVENTS"
DEBUG = "HEADWATER_DEBUG"
# Width of a stage's name, as in reconstruct@colour_net.
NAME_WIDTH = 22
# The longest time without a line where there is no terminal that shows a bar.
SILENT_SECONDS = 60.0

Advance = Callable[..., None]


class Unread(KeyboardInterrupt):
    """Nobody reads any more what is said, which ends a process as Ctrl-C does."""


class Voice:
    """The process's own standard output and error, also once libraries' are in a log file."""

    def __init__(self) -> None:
        self.out: IO[str] = sys.stdout
        self.error: IO[str] = sys.stderr

    def alone(self, log: Path) -> None:
        """Send everything but this voice into ``log`` from now on."""
        sys.stdout.flush()
        sys.stderr.flush()
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        self.error = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
        redirect(log)

    def say(self, text: str) -> None:
        """Print a line; raises Unread when nobody reads any more."""
        try:
            print(text, file=self.out, flush=True)
        except BrokenPipeError:
            self._let_go(self.out)
            raise Unread from None

    def complain(self, message: str) -> None:
        """Print an error, one line for each of its lines."""
        try:
            for line in message.splitlines():
                print(f"error: {line}", file=self.error, flush=True)
        except BrokenPipeError:
            self._let_go(self.error)

    def _let_go(self, file: IO[str]) -> None:
        # Else Python would complain of the rest when the file is closed.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, file.fileno())
        os.close(nothing)

    def event(self, **values: Any) -> None:
        """Tell the flow."""
        self.say(json.dumps(values))


VOICE = Voice()


def redirect(log: Path) -> None:
    """Append this process's standard output and error to ``log``.

    Raises HeadwaterError when it cannot be written.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        raise HeadwaterError(refusal(error, log)) from error
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def under_flow() -> bool:
    """True when a flow draws for this process."""
    return EVENTS in os.environ


@contextmanager
def progress(name: str, total: int) -> Iterator[Advance]:
    """Show how far a step is: ``advance(count=1, note="")``."""
    if under_flow():
        yield _to_flow(total)
    elif VOICE.out.isatty():
        columns = (
            TextColumn(f"{{task.description:<{NAME_WIDTH}}}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[note]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(file=VOICE.out), transient=True) as bars:
            task = bars.add_task(name, total=total, note="")

            def advance(count: int = 1, note: str = "") -> None:
                bars.update(task, advance=count, note=note)

            yield advance
    else:
        yield _by_the_minute(name, total)


def _by_the_minute(name: str, total: int) -> Advance:
    done, said = 0, time.monotonic()

    def advance(count: int = 1, note: str = "") -> None:
        nonlocal done, said
        done += count
        if done < total and time.monotonic() - said >= SILENT_SECONDS:
            said = time.monotonic()
            VOICE.say(f"{name:<{NAME_WIDTH}} {done}/{total} {note}".rstrip())

    return advance


def _to_flow(total: int) -> Advance:
    done = 0

    def advance(count: int = 1, note: str = "") -> None:
        nonlocal done
        done += count
        VOICE.event(done=done, total=total, note=note)

    VOICE.event(done=0, total=total, note="")
    return advance


def finished(name: str, text: str, seconds: float) -> None:
    """Say that a step is done, with its counts."""
    if under_flow():
        VOICE.event(finished=text)
    else:
        VOICE.say(finished_line(name, text, seconds))


def finished_line(name: str, text: str, seconds: float) -> str:
    """The one line of a finished step."""
    return f"{name:<{NAME_WIDTH}} {text:<50} {seconds:7.1f} s"


def counts(items: int, rejects: Mapping[str, int]) -> str:
    """Items and rejects by reason, for people."""
    text = f"{items} items" if items != 1 else "1 item"
    if rejects:
        reasons = ", ".join(f"{reason} {count}" for reason, count in rejects.items())
        text += f", {sum(rejects.values())} rejected: {reasons}"
    if left := sum(rejects[reason] for reason in PASSING & rejects.keys()):
        text += f"; {left} left for the next `make repro`"
    return text
