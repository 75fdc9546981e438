"""Extracted head models on disk: one safetensors file each, read back in a fraction of a second."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from headwater.artifacts.atomic import write_bytes
from headwater.artifacts.code import code_of_functions
from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.heads.model import HeadModel, Prior, SurfacePoints, check_head_model

_ARRAYS = ("mean", "faces", "surface", "shape_basis", "expression_basis", "shape_scale")
_NOTES = "head_model"
NO_POINTS = SurfacePoints(np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32))


def cached(folder: Path, name: str, source: str, build: Callable[[], HeadModel]) -> HeadModel:
    """The model that ``build`` makes of ``source``, stored below ``folder`` by all it depends on.

    source: hash of the files that it is made of, "" for those of an installed package, whose
    version counts. Built anew when the stored file is missing or damaged, or made by other code.
    Landmarks are not stored: the result has none, and an empty fingerprint.
    """
    material = {"source": source, **code_of_functions([build, write]).as_json()}
    path = folder / f"{name}-{sha256_hex(canonical_json(material).encode())[:16]}.safetensors"
    if path.is_file():
        try:
            return read(path)
        except HeadwaterError:
            path.unlink()
    write(path, build())
    return read(path)


def write(path: Path, model: HeadModel) -> None:
    """Store a model without its landmarks; equal models give equal bytes."""
    names: dict[str, Any] = {
        "name": model.name,
        "licence": model.licence,
        "prior": model.prior,
        "shape_names": model.shape_names,
        "expression_names": model.expression_names,
    }
    arrays = {key: np.ascontiguousarray(getattr(model, key)) for key in _ARRAYS}
    names["arrays_sha256"] = _digest(arrays)
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
        if names["arrays_sha256"] != _digest(arrays):
            raise ValueError("its numbers are not those that were written")
    except (SafetensorError, *READER_ERRORS) as error:
        reason = str(error) or type(error).__name__
        raise HeadwaterError(f"{path}: no stored head model ({reason})") from error
    check_head_model(model, str(path))
    if model.prior not in get_args(Prior) or model.shape_scale.dtype != np.float32:
        raise HeadwaterError(f"{path}: no stored head model; its prior or shape_scale is odd")
    return model


def _digest(arrays: dict[str, NDArray[Any]]) -> str:
    total = hashlib.sha256()
    for key in _ARRAYS:
        total.update(f"{key} {arrays[key].dtype} {arrays[key].shape}".encode())
        total.update(arrays[key].tobytes())
    return total.hexdigest()
