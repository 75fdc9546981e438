"""Seconds that a build takes when nothing changed, through DVC alone and through the flow."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.outcome import Figure, Outcome
from benchmarks.timing import Spread

ROUNDS = 3
COMMANDS = {
    "dvc repro": ("-m", "dvc", "repro"),
    "make repro": ("-m", "flows"),
}
GOALS_SECONDS = {"dvc repro": 5.0, "make repro": 15.0}


def measure() -> Outcome:
    """Time both commands in turns; nothing is measured unless the build is up to date."""
    name = "no-change build"
    if changed := changes():
        return Outcome(
            name,
            (),
            {"not measured": f"the build is not up to date ({changed}): `make repro` first"},
        )
    seconds: dict[str, list[float]] = {command: [] for command in COMMANDS}
    for _ in range(ROUNDS):
        for command, arguments in COMMANDS.items():
            seconds[command].append(seconds_of(arguments))
    if changed := changes():
        return Outcome(name, (), {"not measured": f"the commands changed the build: {changed}"})
    figures = [
        Figure(command, "s", Spread(tuple(values)), GOALS_SECONDS[command], at_most=True)
        for command, values in seconds.items()
    ]
    return Outcome(name, tuple(figures), {"measured": "whole commands, from start to exit"})


def changes() -> str:
    """Changed stages of ``dvc status``, "" for a clean build."""
    arguments = (sys.executable, "-m", "dvc", "status", "--json")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or ["dvc status failed"])[-1]
    return ", ".join(sorted(json.loads(done.stdout)))


def seconds_of(arguments: Sequence[str]) -> float:
    """Wall-clock seconds of a Python command that must succeed."""
    started = time.perf_counter()
    subprocess.run((sys.executable, *arguments), capture_output=True, check=True)
    return time.perf_counter() - started
