"""What an evaluation leaves for the report and for DVC's plots, the same of every system."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.atomic import write_text
from headwater.benchmark.heat_map import write_heat_maps
from headwater.benchmark.table import SetRows, write_rows
from headwater.benchmark.trials import HELD_OUT
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.summary import EXPRESSION, VIEWS, YAW, bins

PLACES: Final = {YAW: "yaw_degrees", EXPRESSION: "expression_mm", VIEWS: "views"}


def write_results(
    folder: Path, rows: SetRows, mean_head: NDArray[Any], faces: NDArray[Any]
) -> None:
    """Write benchmark.parquet, heat_map.parquet and by_{yaw,expression,views}.csv.

    mean_head: (V, 3) mm and faces: (F, 3), in the topology of the held-out heads.
    """
    write_rows(folder, rows)
    write_heat_maps(folder, rows[HELD_OUT], mean_head, faces)
    for kind, place in PLACES.items():
        write_text(folder / f"by_{kind}.csv", _plot(kind, place, rows[HELD_OUT]))


def _plot(kind: str, place: str, rows: Sequence[BenchmarkRow]) -> str:
    """One line per bin; of each system the mean face error in mm, its interval, and the heads.

    A value that is not known is left empty.
    """
    systems = list(dict.fromkeys(row.system for row in rows))
    header = [place]
    for system in systems:
        header += [f"{system}_{name}" for name in ("mm", "low_mm", "high_mm", "heads")]
    lines = [",".join(header)]
    by_bin = [
        [one for one in bins([row for row in rows if row.system == system]) if one.kind == kind]
        for system in systems
    ]
    # All systems are asked the same, so that their bins are the same.
    for members in zip(*by_bin, strict=True):
        values: list[float] = [members[0].place]
        for one in members:
            values += [*one.error, one.subjects]
        lines.append(",".join("" if np.isnan(value) else f"{value:.6g}" for value in values))
    return "\n".join(lines) + "\n"
