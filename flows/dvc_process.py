"""DVC's command line, one command after another, for the flow whose pid this process is given.

Every line of its standard input is a command: JSON of its ``arguments``, and of the ``log`` that
gets what it says on standard error. The line ``{"ended": status}`` stands below its output. Loading
DVC and its parser takes a second, which many stages would take each.
"""

import json
import os
import signal
import sys
from types import FrameType
from typing import TextIO

from tasks.lifeline import hold


def stop(number: int, frame: FrameType | None) -> None:
    """End while a step runs, so that DVC gives its locks back.

    At other moments DVC writes its files, in place: it is done in a moment, and not stopped.
    """
    while frame is not None:
        if frame.f_globals.get("__name__") == "subprocess":
            sys.exit(128 + number)
        frame = frame.f_back


def take_input() -> TextIO:
    """Standard input of the process, which its steps do not get."""
    commands = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return commands


def serve(commands: TextIO) -> None:
    """Run commands until there are no more."""
    from dvc.cli import main

    from flows.odd_entries import pass_over_odd_entries

    pass_over_odd_entries()
    for line in commands:
        command = json.loads(line)
        log = os.open(command["log"], os.O_WRONLY | os.O_APPEND)
        os.dup2(log, 2)
        os.close(log)
        status = main(command["arguments"])
        sys.stderr.flush()
        # A step may have left a line without an end.
        sys.stdout.write("\n" + json.dumps({"ended": status}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    hold(int(sys.argv[1]))
    signal.signal(signal.SIGTERM, stop)
    serve(take_input())
