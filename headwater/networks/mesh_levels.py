"""The levels of a mesh as tensors: spirals, and the ways between levels."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from headwater.geometry.hierarchy import Hierarchy
from headwater.geometry.spirals import spirals


class MeshLevels(nn.Module):
    """Index tables and weights of a hierarchy, the finest level first; they are not learned.

    Values on a level of v vertices are (v, B, C): a vertex's numbers of all meshes lie together.
    """

    def __init__(self, tables: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in tables.items():
            self.register_buffer(name, value)
        self.depth = sum(name.startswith("kept_") for name in tables)

    def spirals(self, level: int) -> Tensor:
        """(v, L) int64 of a level; entry v is a vertex of zeros."""
        table: Tensor = getattr(self, f"spirals_{level}")
        return table

    def pool(self, values: Tensor, level: int) -> Tensor:
        """Values of a level at those of its vertices that the next one has."""
        return values.index_select(0, getattr(self, f"kept_{level}"))

    def unpool(self, values: Tensor, level: int) -> Tensor:
        """Values of the level after ``level`` carried to ``level``, by barycentric weights."""
        corners, weights = getattr(self, f"corners_{level}"), getattr(self, f"weights_{level}")
        fine = values.index_select(0, corners[:, 0]) * weights[:, 0, None, None]
        for corner in (1, 2):
            share = weights[:, corner, None, None]
            fine = fine + values.index_select(0, corners[:, corner]) * share
        return fine


def level_tables(
    hierarchy: Hierarchy, lengths: Sequence[int], hops: Sequence[int]
) -> dict[str, Any]:
    """The tensors of ``MeshLevels``; lengths and hops of the spirals of every level."""
    tables: dict[str, Any] = {}
    for number, level in enumerate(hierarchy.levels):
        found = spirals(level.vertices, level.rings, level.reference, lengths[number], hops[number])
        tables[f"spirals_{number}"] = torch.from_numpy(found)
    for number, (kept, up) in enumerate(zip(hierarchy.kept, hierarchy.up, strict=True)):
        tables[f"kept_{number}"] = torch.from_numpy(kept)
        tables[f"corners_{number}"] = torch.from_numpy(up.corners)
        tables[f"weights_{number}"] = torch.from_numpy(up.weights)
    return tables


def check_tables(tables: dict[str, Tensor], sizes: Sequence[int], lengths: Sequence[int]) -> None:
    """Raise ValueError where tables, as those of a file, are not of levels of these sizes."""
    wanted: dict[str, tuple[torch.dtype, tuple[int, ...], int]] = {}
    for number, (size, length) in enumerate(zip(sizes, lengths, strict=True)):
        wanted[f"spirals_{number}"] = torch.int64, (size, length), size
    for number, (fine, coarse) in enumerate(pairwise(sizes)):
        wanted[f"kept_{number}"] = torch.int64, (coarse,), fine - 1
        wanted[f"corners_{number}"] = torch.int64, (fine, 3), coarse - 1
        wanted[f"weights_{number}"] = torch.float32, (fine, 3), 1
    if tables.keys() != wanted.keys():
        raise ValueError("its mesh levels are incomplete")
    for name, (kind, shape, most) in wanted.items():
        table = tables[name]
        if table.dtype != kind or table.shape != shape:
            raise ValueError(f"its table {name} is of another mesh")
        if not bool(((table >= 0) & (table <= most)).all()):
            raise ValueError(f"its table {name} names vertices that are not there")
