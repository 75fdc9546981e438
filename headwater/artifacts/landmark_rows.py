"""Landmarks as columns of tables and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.tables import Row

MESH_COLUMNS = ("landmarks_478_px", "landmarks_478_depth_px")


def mesh_columns(mesh: NDArray[np.float32]) -> Row:
    """Columns of a face mesh (478, 3), px of the frame."""
    return {
        "landmarks_478_px": mesh[:, :2].ravel().tolist(),
        "landmarks_478_depth_px": mesh[:, 2].tolist(),
    }


def landmarks_of(row: Mapping[str, Any], column: str = "landmarks_478_px") -> NDArray[np.float32]:
    """Landmarks (n, 2), px, of a column that holds one point after the other."""
    return np.array(row[column], np.float32).reshape(-1, 2)


def mesh_of(row: Row) -> NDArray[np.float32]:
    """Face mesh (478, 3), px of the frame, of a row that has ``MESH_COLUMNS``."""
    return np.column_stack([landmarks_of(row), np.array(row["landmarks_478_depth_px"], np.float32)])
