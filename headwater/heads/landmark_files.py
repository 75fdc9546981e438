"""The calibrated landmarks that come with the package, one small JSON file per head model."""

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np

from headwater.heads.model import HeadModel, SurfacePoints, fingerprint


def landmark_file(name: str) -> str:
    """File name, inside this package, of the landmarks of the head model ``name``."""
    return f"landmarks_{name}.json"


def has_landmarks(name: str) -> bool:
    """True when the landmarks of the head model ``name`` have been calibrated."""
    return files("headwater.heads").joinpath(landmark_file(name)).is_file()


def to_json(points: SurfacePoints) -> str:
    """One line per point: three vertex indices and three weights, which sum to 1."""
    rows = [
        json.dumps([*map(int, corners), *(round(float(w), 4) for w in weights)])
        for corners, weights in zip(points.triangles, points.weights, strict=True)
    ]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def from_json(text: str) -> SurfacePoints:
    """Inverse of ``to_json``; weights are normalised again after rounding."""
    rows = np.asarray(json.loads(text), np.float64).reshape(-1, 6)
    weights = rows[:, 3:] / rows[:, 3:].sum(1, keepdims=True)
    return SurfacePoints(rows[:, :3].astype(np.int32), weights.astype(np.float32))


def with_landmarks(model: HeadModel) -> HeadModel:
    """``model`` with its packaged 478 landmarks and its fingerprint."""
    text = files("headwater.heads").joinpath(landmark_file(model.name)).read_text()
    complete = replace(model, landmarks_478=from_json(text))
    return replace(complete, fingerprint=fingerprint(complete))
