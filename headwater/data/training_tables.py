"""The tables that systems which learn heads from rendered views are trained on."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.schemas import (
    CAMERAS,
    FRAMES,
    HEADS,
    LANDMARKS,
    MASKS,
    SDF,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.data.scenes import FloatArray, Heads, SdfSamples, Template, Views
from headwater.data.tables import read_heads, read_model, read_sdf_samples, template_of
from headwater.data.views import of_both, of_rendered, read_views


@dataclass(frozen=True)
class ValidationHeads:
    """Heads that weights are selected by: vertices (h, V, 3) mm, head frame; one view of each."""

    vertices: FloatArray
    views: Views


@dataclass(frozen=True)
class TrainingTables:
    """Training heads, their views and topology; samples: distances round them, where wanted.

    validation: heads of the validation split; None where there is none, or none is wanted.
    """

    heads: Heads
    views: Views
    template: Template
    samples: SdfSamples | None = None
    validation: ValidationHeads | None = None


def tables_read(*, samples: bool, estimated: bool = False) -> tuple[TableSchema, ...]:
    """The tables of ``read_training_tables``."""
    more = ((SDF,) if samples else ()) + ((MASKS, CAMERAS) if estimated else ())
    return (HEADS, SYNTHETIC_FRAMES, TRUTH, FRAMES, LANDMARKS, *more)


def read_training_tables(
    data: Path, *, samples: bool, validation: int, estimated: bool = False
) -> TrainingTables:
    """The tables below ``data``, with at most so many heads of the validation split.

    estimated: every view in which the pipeline found mask and camera is there a second time, with
    these, after all that are given. Raises HeadwaterError where something is missing.
    """
    heads = read_heads(data, ("train", "validation") if validation else ("train",))
    annotations = of_both if estimated else of_rendered
    views = read_views(data, annotations(data, heads))
    training, seen = training_heads(heads, views)
    return TrainingTables(
        training,
        seen,
        template_of(read_model(data)),
        read_sdf_samples(data, training) if samples else None,
        validation_heads(heads, views, validation),
    )


def training_heads(heads: Heads, views: Views) -> tuple[Heads, Views]:
    """The heads that are not of the validation split, and their views."""
    seen = views.choose(views.split != "validation")
    kept = np.setdiff1d(np.arange(len(heads.subjects)), views.head[views.split == "validation"])
    training = Heads(heads.vertices[kept], heads.subjects[kept])
    return training, replace(seen, head=np.searchsorted(kept, seen.head).astype(np.int32))


def validation_heads(heads: Heads, views: Views, count: int) -> ValidationHeads | None:
    """The first ``count`` heads of the validation split, each in the first view that shows a face.

    Masks and cameras are the given ones.

    None where there is none.
    """
    shown = (views.split == "validation") & np.isfinite(views.landmarks_478_px).all(axis=(1, 2))
    rows = np.flatnonzero(shown & ~views.estimated)
    first = rows[np.unique(views.head[rows], return_index=True)[1]][:count]
    if not len(first):
        return None
    return ValidationHeads(heads.vertices[views.head[first]], views.choose(first))
