"""Figures of a benchmark, as JSON and as rows of one Markdown table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.timing import Spread, digits


@dataclass(frozen=True)
class Figure:
    """One measured figure and its goal.

    goal: None without one. at_most: the goal is a ceiling.
    """

    name: str
    unit: str
    spread: Spread
    goal: float | None = None
    at_most: bool = False

    @property
    def reached(self) -> bool | None:
        """True when the median meets the goal; None without a goal."""
        if self.goal is None:
            return None
        median = self.spread.median
        return median <= self.goal if self.at_most else median >= self.goal

    def as_json(self) -> dict[str, Any]:
        """Everything about the figure."""
        goal = {} if self.goal is None else {"goal": self.goal, "reached": self.reached}
        return {"unit": self.unit, **self.spread.as_json(), **goal}


@dataclass(frozen=True)
class Outcome:
    """One benchmark: its name, its figures, and what exactly was done, for people."""

    name: str
    figures: tuple[Figure, ...]
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Conditions and figures by name."""
        return {
            "benchmark": self.name,
            "conditions": dict(self.conditions),
            "figures": {figure.name: figure.as_json() for figure in self.figures},
        }


def markdown(outcomes: Iterable[Outcome], machine: Mapping[str, str | int]) -> str:
    """The page of results: machine, table of figures, conditions."""
    outcomes = list(outcomes)
    about = (
        "Written by `make bench`. Medians over rounds in which the contestants take turns, "
        "lowest and highest in brackets."
    )
    lines = [
        "# Benchmarks",
        "",
        about,
        "",
        "| benchmark | figure | measured | goal | reached |",
        "|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        lines += [_row(outcome.name, figure) for figure in outcome.figures]
    for outcome in outcomes:
        lines += ["", f"## {outcome.name}", ""]
        lines += [f"- {name}: {text}" for name, text in outcome.conditions.items()]
    lines += ["", "## machine", "", *(f"- {name}: {text}" for name, text in machine.items())]
    return "\n".join(lines) + "\n"


def _row(benchmark: str, figure: Figure) -> str:
    values = figure.spread.values
    low, high = (f"{digits(value, 3):g}" for value in (min(values), max(values)))
    measured = f"**{digits(figure.spread.median, 3):g}** {figure.unit} ({low} to {high})"
    sign = "≤" if figure.at_most else "≥"
    goal = "" if figure.goal is None else f"{sign} {figure.goal:g}"
    reached = {None: "", True: "yes", False: "**no**"}[figure.reached]
    return f"| {benchmark} | {figure.name} | {measured} | {goal} | {reached} |"
