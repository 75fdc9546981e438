"""Extracted head models on disk: one safetensors file each, read back in a fraction of a second."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast, get_args

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.ids import canonical_json
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.heads.model import HeadModel, Prior, SurfacePoints, check_head_model

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
        except HeadwaterError:
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
    """The model of a file that ``write`` made, without landmarks and with an empty fingerprint.

    Raises HeadwaterError for any other file.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = json.loads((file.metadata() or {})[_NOTES])
            arrays = {key: file.get_tensor(key) for key in _ARRAYS}
        model = HeadModel(
            name=str(names["name"]),
            licence=str(names["licence"]),
            fingerprint="",
            prior=cast("Prior", names["prior"]),
            shape_names=tuple(map(str, names["shape_names"])),
            expression_names=tuple(map(str, names["expression_names"])),
            landmarks_478=NO_POINTS,
            **arrays,
        )
    except (SafetensorError, *READER_ERRORS) as error:
        reason = str(error) or type(error).__name__
        raise HeadwaterError(f"{path}: no stored head model ({reason})") from error
    check_head_model(model, str(path))
    if model.prior not in get_args(Prior) or model.shape_scale.dtype != np.float32:
        raise HeadwaterError(f"{path}: no stored head model; its prior or shape_scale is odd")
    return model
