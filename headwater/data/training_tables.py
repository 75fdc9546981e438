"""The tables that systems which learn heads from rendered views are trained on."""

from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.schemas import FRAMES, HEADS, LANDMARKS, SDF, SYNTHETIC_FRAMES, TRUTH
from headwater.data.scenes import Heads, SdfSamples, Template, Views
from headwater.data.tables import (
    read_heads,
    read_model,
    read_sdf_samples,
    read_synthetic_views,
    template_of,
)


@dataclass(frozen=True)
class TrainingTables:
    """Training heads, their views and topology; samples: distances round them, where wanted."""

    heads: Heads
    views: Views
    template: Template
    samples: SdfSamples | None


def tables_read(*, samples: bool) -> tuple[TableSchema, ...]:
    """The tables of ``read_training_tables``."""
    return (HEADS, SYNTHETIC_FRAMES, TRUTH, FRAMES, LANDMARKS, *((SDF,) if samples else ()))


def read_training_tables(data: Path, *, samples: bool) -> TrainingTables:
    """The tables below ``data``. Raises HeadwaterError where something is missing."""
    heads = read_heads(data, ("train",))
    return TrainingTables(
        heads,
        read_synthetic_views(data, heads),
        template_of(read_model(data)),
        read_sdf_samples(data, heads) if samples else None,
    )
