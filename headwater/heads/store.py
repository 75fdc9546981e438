"""Extracted head models on disk: one safetensors file each, read back in a fraction of a second."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.ids import canonical_json
from headwater.heads.model import HeadModel, Prior, SurfacePoints

_ARRAYS = ("mean", "faces", "surface", "shape_basis", "expression_basis", "shape_scale")
_NOTES = "head_model"
NO_POINTS = SurfacePoints(np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32))


def cached(path: Path, build: Callable[[], HeadModel]) -> HeadModel:
    """The model stored at ``path``; built and stored there when missing or damaged.

    Landmarks are not stored: the result has none, and an empty fingerprint.
    """
    if path.is_file():
        try:
            return read(path)
        except (SafetensorError, KeyError, ValueError):
            path.unlink()
    write(path, build())
    return read(path)


def write(path: Path, model: HeadModel) -> None:
    """Store a model without its landmarks; equal models give equal bytes."""
    names = {
        "name": model.name,
        "licence": model.licence,
        "prior": model.prior,
        "shape_names": model.shape_names,
        "expression_names": model.expression_names,
    }
    arrays = {key: np.ascontiguousarray(getattr(model, key)) for key in _ARRAYS}
    # One key only: safetensors writes several in an order that changes from run to run.
    write_bytes(path, save(arrays, metadata={_NOTES: canonical_json(names)}))


def read(path: Path) -> HeadModel:
    """The model of a file that ``write`` made, without landmarks and with an empty fingerprint."""
    with safe_open(path, framework="numpy") as file:
        names = json.loads((file.metadata() or {})[_NOTES])
        arrays = {key: file.get_tensor(key) for key in _ARRAYS}
    return HeadModel(
        name=names["name"],
        licence=names["licence"],
        fingerprint="",
        prior=cast("Prior", names["prior"]),
        shape_names=tuple(names["shape_names"]),
        expression_names=tuple(names["expression_names"]),
        landmarks_478=NO_POINTS,
        **arrays,
    )
