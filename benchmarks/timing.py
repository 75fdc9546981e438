"""Rates of contestants that take turns, and the ratios between them."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Values of repeated measurements, in the order they were taken."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    def as_json(self) -> dict[str, Any]:
        """Median, extremes and all values, to four digits."""
        return {
            "median": digits(self.median),
            "low": digits(min(self.values)),
            "high": digits(max(self.values)),
            "values": [digits(value) for value in self.values],
        }


def digits(value: float, count: int = 4) -> float:
    """``value`` with ``count`` significant digits."""
    return float(f"{value:.{count}g}")


def take_turns(
    contestants: Mapping[str, Callable[[], int]],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Spread]:
    """Items per second of each contestant, which returns how many items it processed.

    One unmeasured pass each comes first. The contestants then take turns, and every round begins
    with another one, so that a slow spell of the machine hits all of them.
    """
    names = list(contestants)
    for name in names:
        contestants[name]()
    rates: dict[str, list[float]] = {name: [] for name in names}
    for number in range(repeats):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            started = clock()
            items = contestants[name]()
            rates[name].append(items / (clock() - started))
    return {name: Spread(tuple(values)) for name, values in rates.items()}


def ratio(first: Spread, second: Spread) -> Spread:
    """Ratios first : second, round by round."""
    return Spread(tuple(a / b for a, b in zip(first.values, second.values, strict=True)))
