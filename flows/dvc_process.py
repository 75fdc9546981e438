"""DVC's command line, one command after another, for the flow whose pid this process is given.

Every line of its standard input is a command: JSON of its ``arguments``, of the ``log`` that gets
what it says on standard error, and of ``parameters``, the text that DVC reads for ``params.yaml``.
The line ``{"ended": status}`` stands below its output. Loading DVC and its parser takes a second,
which many stages would take each.

With ``at_hand`` the flow runs the command's step itself, in a process that has its code loaded:
instead of starting a process, DVC writes the line ``{"step": name}`` and reads the step's
``status`` and ``errors`` as a line of JSON.
"""

import json
import os
import signal
import sys
from functools import partial
from types import FrameType
from typing import Any, TextIO

from tasks.lifeline import hold


def stop(number: int, frame: FrameType | None) -> None:
    """End while a step runs, so that DVC gives its locks back.

    At other moments DVC writes its files, in place: it is done in a moment, and not stopped.
    """
    while frame is not None:
        if frame.f_globals.get("__name__") == "subprocess" or frame.f_code is ask.__code__:
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
    import dvc.stage.run
    from dvc.cli import main

    from flows.odd_entries import pass_over_odd_entries
    from flows.steady_inputs import steady_inputs

    pass_over_odd_entries()
    begin = steady_inputs()
    starting = dvc.stage.run.cmd_run
    for line in commands:
        command = json.loads(line)
        dvc.stage.run.cmd_run = partial(ask, commands) if command["at_hand"] else starting
        log = os.open(command["log"], os.O_WRONLY | os.O_APPEND)
        os.dup2(log, 2)
        os.close(log)
        begin(command["parameters"])
        status = main(command["arguments"])
        sys.stderr.flush()
        say({"ended": status})


def ask(commands: TextIO, stage: Any, dry: bool = False, run_env: object = None) -> None:
    """Have the flow run the step of a stage, in place of DVC's ``cmd_run``.

    Raises StageCmdFailedError where the step fails, as ``cmd_run`` does.
    """
    from dvc.stage.exceptions import StageCmdFailedError

    say({"step": stage.addressing})
    answer = json.loads(commands.readline())
    for error in answer["errors"]:
        sys.stderr.write(f"error: {error}\n")
    if answer["status"]:
        raise StageCmdFailedError(stage.cmd, answer["status"])


def say(event: dict[str, Any]) -> None:
    """Write an event for the flow, on a line of its own: a step may have left one unfinished."""
    sys.stdout.write("\n" + json.dumps(event) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    hold(int(sys.argv[1]))
    signal.signal(signal.SIGTERM, stop)
    serve(take_input())
