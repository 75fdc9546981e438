"""Figures as flat JSON files: all of them for the report, and the few that DVC compares."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from headwater.artifacts.atomic import write_text

FIGURES: Final = "figures.json"
METRICS: Final = "metrics.json"
DIGITS: Final = 6

Figures = dict[str, float | int]


def write_figures(
    folder: Path, figures: Mapping[str, float | int], chosen: Collection[str]
) -> Figures:
    """Write all figures to figures.json and the ``chosen`` ones to metrics.json; returns them all.

    Both lie below ``folder``, with names sorted and ``DIGITS`` digits after the point.
    """
    rounded = {name: round(figures[name], DIGITS) for name in sorted(figures)}
    few = {name: value for name, value in rounded.items() if name in chosen}
    for name, content in ((FIGURES, rounded), (METRICS, few)):
        text = json.dumps(content, indent=2, allow_nan=False)
        write_text(folder / name, text + "\n")
    return rounded
