"""``python -m benchmarks.bumps``: how Spiral GCN's detail network responds to bumps of the skin.

Held-out heads are rendered from the front twice with the same appearance and light, as they are and
with waves added to the skin around the nose tip. Measured are the errors of normals on the waved
head, of the coarse mesh and of the detailed one, and the response: the share of the waves in the
difference between the details of the waved and of the plain head. 1 would be all of them.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.options import record_file, two_or_more
from headwater.artifacts.atomic import write_text
from headwater.data.scenes import Views, stacked
from headwater.data.tables import read_heads, read_model
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import NOSE_TIP
from headwater.geometry.cameras import Camera, look_at
from headwater.heads.model import HeadModel, Surface
from headwater.metrics.intervals import Interval, mean_interval
from headwater.networks.shading import vertex_normals
from headwater.rendering.looks import Look, sample_look
from headwater.rendering.view import render_view
from headwater.systems.spiral_gcn.answer import Reconstructed, reconstruct
from headwater.systems.spiral_gcn.config import Answering, SpiralConfig
from headwater.systems.spiral_gcn.weights import load

SEED: Final = 0
SIDE: Final = 256
WAVE_MM: Final = 25.0
HEIGHT_MM: Final = 1.5
ROUND_MM: Final = 45.0
FARTHEST_MM: Final = 70.0

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Bumped:
    """Mean angles, degrees, to the true normals of the waved head, and the response."""

    coarse: float
    detailed: float
    response: float


def main() -> None:
    """Measure on the weights and held-out heads below ``--data`` and print three lines."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("data"), help="a finished build")
    parser.add_argument("--heads", type=two_or_more, default=20, help="at most so many")
    parser.add_argument("--weights", type=Path, help="others than the build's")
    parser.add_argument("--out", type=record_file, help="write the figures to this file, as JSON")
    given = parser.parse_args()
    try:
        path = given.weights or given.data / "train" / "spiral_gcn" / "weights.safetensors"
        trained = load(path, SpiralConfig(answer=Answering(detail=True)), "cpu")
        model, heads = read_model(given.data), read_heads(given.data, ("test",))
    except HeadwaterError as problem:
        parser.error(str(problem))
    if len(heads.vertices) < 2:
        parser.error(f"{given.data}: holds one held-out head, and intervals are of two or more")
    rows = [
        bumped(model, vertices, number, lambda views: reconstruct(trained, views))
        for number, vertices in enumerate(heads.vertices[: given.heads])
    ]
    figures = summary(rows)
    for name, found in figures.items():
        print(f"{name}: {found.value:.3f} ({found.low:.3f} to {found.high:.3f})")
    if given.out:
        told = {name: list(found) for name, found in figures.items()}
        record = {"heads": len(rows), "figures": told, "machine": describe()}
        write_text(given.out, json.dumps(record, indent=2, sort_keys=True) + "\n")


def bumped(
    model: HeadModel, vertices: FloatArray, seed: int, answer: Callable[[Views], Reconstructed]
) -> Bumped:
    """Errors and response of one head (V, 3), mm, whose appearance follows from ``seed``."""
    look = sample_look(np.random.default_rng(seed))
    heights, normals = waves(model, vertices), normals_of(vertices, model.faces)
    waved = (vertices + heights[:, None] * normals).astype(np.float32)
    plain, found = (
        answer(seen(model, shape.astype(np.float32), look)) for shape in (vertices, waved)
    )
    face, truth = heights != 0, normals_of(waved, model.faces)
    errors = [
        degrees_between(normals_of(shape, model.faces)[face], truth[face])
        for shape in (found.coarse, found.detailed)
    ]
    added = (found.detailed - found.coarse) - (plain.detailed - plain.coarse)
    along = (added * normals).sum(axis=1)
    return Bumped(*errors, response(along[face], heights[face]))


def waves(model: HeadModel, vertices: FloatArray) -> FloatArray:
    """Heights (V,), mm along the normals, of level waves of the skin around the nose tip."""
    tip = model.landmarks_478.on(vertices)[NOSE_TIP]
    away = np.linalg.norm(vertices - tip, axis=1)
    heights = HEIGHT_MM * np.sin(2 * np.pi / WAVE_MM * (vertices - tip)[:, 1])
    heights *= np.exp(-((away / ROUND_MM) ** 2))
    skin = np.ones(len(vertices), bool)
    skin[model.faces[model.surface != Surface.SKIN].ravel()] = False
    return np.where(skin & (away < FARTHEST_MM), heights, 0.0)


def seen(model: HeadModel, vertices: NDArray[np.float32], look: Look) -> Views:
    """A frontal view of a head with its exact camera, mask and landmarks."""
    target = np.array([0.0, 0.0, 40.0])
    R, t = look_at(target + np.array([0.0, 0.0, 900.0]), target)
    focal = 900.0 * SIDE / 300.0
    K = np.array([[focal, 0, SIDE / 2], [0, focal, SIDE / 2], [0, 0, 1.0]])
    camera = Camera(K, R, t, SIDE, SIDE)
    view = render_view(model, vertices, look, camera)
    return Views(
        (view.image,),
        (view.mask.astype(np.uint8) * 255,),
        *stacked([camera]),
        view.landmarks_478_px[None],
        np.zeros(1, np.int32),
        np.array(["test"]),
        np.zeros(1, bool),
    )


def normals_of(vertices: FloatArray, faces: NDArray[np.integer]) -> FloatArray:
    """(V, 3) unit normals of vertices."""
    points = torch.from_numpy(np.asarray(vertices, np.float64))[None]
    return vertex_normals(points, torch.from_numpy(faces.astype(np.int64)))[0].numpy()


def degrees_between(ours: FloatArray, theirs: FloatArray) -> float:
    """Mean angle between unit vectors (n, 3)."""
    return float(np.rad2deg(np.arccos(np.clip((ours * theirs).sum(axis=1), -1, 1))).mean())


def response(added: FloatArray, heights: FloatArray) -> float:
    """Least-squares factor from heights (n,) to added displacements (n,)."""
    return float((added * heights).sum() / np.square(heights).sum())


def summary(rows: Sequence[Bumped]) -> dict[str, Interval]:
    """Means over heads, with intervals."""
    table = np.array([(one.coarse, one.detailed, one.response) for one in rows])
    columns = {
        "normals of the coarse mesh, degrees": table[:, 0],
        "normals with detail, degrees": table[:, 1],
        "detailed less coarse, degrees": table[:, 1] - table[:, 0],
        "response to the waves": table[:, 2],
    }
    return {name: mean_interval(values, SEED) for name, values in columns.items()}


if __name__ == "__main__":
    main()
