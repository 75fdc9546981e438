"""Landmarks as rows of the ``landmarks`` table and back."""

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


def mesh_of(row: Row) -> NDArray[np.float32]:
    """Face mesh (478, 3), px of the frame, of a row that has ``MESH_COLUMNS``."""
    points = np.array(row["landmarks_478_px"], np.float32).reshape(478, 2)
    return np.column_stack([points, np.array(row["landmarks_478_depth_px"], np.float32)])
