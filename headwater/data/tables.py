"""Tables of the pipeline as the heads, samples and template that systems work on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.artifacts.meshes import from_ply
from headwater.artifacts.schemas import HEADS, SDF
from headwater.artifacts.tables import read_table
from headwater.data.scenes import FloatArray, Heads, SdfSamples, Template
from headwater.errors import HeadwaterError
from headwater.heads import store
from headwater.heads.landmark_files import with_landmarks
from headwater.heads.model import HeadModel


def template_of(model: HeadModel) -> Template:
    """The topology and mean of a head model."""
    return Template(model.mean, model.faces, model.surface, model.landmarks_478)


def read_model(data: Path) -> HeadModel:
    """The head model below ``data``."""
    return with_landmarks(store.read(data / "head_model" / "bases.safetensors"))


SPLITS: Final = ("train", "validation", "test")


def read_heads(data: Path, splits: Sequence[str] = SPLITS) -> Heads:
    """The synthetic heads below ``data`` that are in one of ``splits``, in the table's order.

    Raises HeadwaterError when there is none.
    """
    table = read_table(
        data, HEADS, ["item", "mesh", "split"], pc.is_in(pc.field("split"), pa.array(splits))
    )
    if not table.num_rows:
        raise HeadwaterError(
            f"{data / HEADS.name}: no head has the split {' or '.join(splits)}; "
            "give it a larger share under split in params.yaml or raise synthesize.subjects"
        )
    meshes = [from_ply(row["mesh"]["bytes"], row["item"])[0] for row in table.to_pylist()]
    return Heads(np.stack(meshes), np.array(table.column("item").to_pylist()))


def read_sdf_samples(data: Path, heads: Heads) -> SdfSamples:
    """Signed distance samples below ``data``, mm, head frame, in the order of ``heads``."""
    table = read_table(data, SDF, ["item", "points_mm", "distance_mm"])
    row_of = {item: row for row, item in enumerate(table.column("item").to_pylist())}
    missing = [subject for subject in heads.subjects if subject not in row_of]
    if missing:
        raise HeadwaterError(
            f"{data / 'sdf'}: no samples of head {missing[0]} and {len(missing) - 1} others; "
            "see its rejects table, or run without pre-training (sdf_steps 0)"
        )
    rows = [row_of[subject] for subject in heads.subjects]
    points = _numbers(table, "points_mm")[rows]
    return SdfSamples(points.reshape(len(rows), -1, 3), _numbers(table, "distance_mm")[rows])


def _numbers(table: pa.Table, name: str) -> FloatArray:
    """(rows, n) of a column of lists, nested or not, that are equally long."""
    flat = table.column(name).combine_chunks()
    while pa.types.is_nested(flat.type):
        flat = flat.flatten()
    return flat.to_numpy().astype(np.float32).reshape(table.num_rows, -1)
