"""Extracted head models on disk: one safetensors file each, read back in a fraction of a second."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from headwater.artifacts.atomic import replacing
from headwater.heads.model import HeadModel, Prior, SurfacePoints

_ARRAYS = ("mean", "faces", "surface", "shape_basis", "expression_basis", "shape_scale")
NO_POINTS = SurfacePoints(np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32))


def cached(path: Path, build: Callable[[], HeadModel]) -> HeadModel:
    """The model stored at ``path``; built and stored there when missing or damaged.

    Landmarks are not stored: the result has none, and an empty fingerprint.
    """
    if path.is_file():
        try:
            return _read(path)
        except (SafetensorError, KeyError, ValueError):
            path.unlink()
    _write(path, build())
    return _read(path)


def _write(path: Path, model: HeadModel) -> None:
    names = {
        "name": model.name,
        "licence": model.licence,
        "prior": model.prior,
        "shape_names": json.dumps(model.shape_names),
        "expression_names": json.dumps(model.expression_names),
    }
    arrays = {key: np.ascontiguousarray(getattr(model, key)) for key in _ARRAYS}
    with replacing(path) as temporary:
        save_file(arrays, temporary, metadata=names)


def _read(path: Path) -> HeadModel:
    with safe_open(path, framework="numpy") as file:
        names = file.metadata()
        arrays = {key: file.get_tensor(key) for key in _ARRAYS}
    return HeadModel(
        name=names["name"],
        licence=names["licence"],
        fingerprint="",
        prior=cast(Prior, names["prior"]),
        shape_names=tuple(json.loads(names["shape_names"])),
        expression_names=tuple(json.loads(names["expression_names"])),
        landmarks_478=NO_POINTS,
        **arrays,
    )
