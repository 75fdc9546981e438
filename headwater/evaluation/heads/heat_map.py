"""The mean error of every vertex over the held-out heads, as a Parquet table, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.evaluate_schemas import HEAT_MAP
from headwater.artifacts.ids import item_id
from headwater.artifacts.meshes import from_ply, to_ply
from headwater.artifacts.tables import Row, read_bucket, to_table, write_bucket
from headwater.evaluation.heads.table import of_system
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.summary import heat_map

FILE: Final = "heat_map.parquet"


@dataclass(frozen=True)
class HeatMap:
    """Mean error of a system's predicted heads at every vertex of the mean head.

    vertices: (V, 3) float32 mm, head frame, of the mean head; faces: (F, 3) int32. mean_mm: (V,)
    float64, NaN where no head is measured; heads: (V,) int64 that are in the mean.
    """

    system: str
    size: str | None
    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    mean_mm: NDArray[np.float64]
    heads: NDArray[np.int64]


def write_heat_maps(
    folder: Path, rows: Sequence[BenchmarkRow], mean_head: NDArray[Any], faces: NDArray[Any]
) -> None:
    """Write the map of each system in ``rows``, of held-out heads, from the frontal view alone.

    mean_head: (V, 3) mm and faces: (F, 3), in the topology of the true heads.
    """
    mesh = {"bytes": to_ply(mean_head, faces), "path": "mean_head.ply"}
    systems = {row.system: row.size for row in rows}
    records = []
    for system, size in systems.items():
        mean, heads = heat_map(of_system(rows, system, 1), len(mean_head))
        item = item_id("heat_map", system, size)
        records.append(
            {
                "item": item,
                "subject": item,
                "system": system,
                "size": size,
                "mesh": mesh,
                "mean_error_mm": [None if np.isnan(error) else error for error in mean],
                "heads": heads.tolist(),
            }
        )
    write_bucket(folder / FILE, HEAT_MAP, to_table(HEAT_MAP, records), "")


def read_heat_maps(folder: Path) -> list[HeatMap]:
    """The maps of all systems in a folder; none where it has no such table."""
    path = folder / FILE
    if not path.exists():
        return []
    return [_heat_map(row) for row in read_bucket(path, HEAT_MAP).to_pylist()]


def _heat_map(row: Row) -> HeatMap:
    vertices, faces = from_ply(row["mesh"]["bytes"], f"mesh of {row['item']}")
    mean = np.array(row["mean_error_mm"], dtype=np.float64)
    return HeatMap(
        row["system"], row["size"], vertices, faces, mean, np.array(row["heads"], np.int64)
    )
