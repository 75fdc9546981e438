"""``python -m benchmarks.switches``: what GLVD's switches do, trained alike on a build's heads.

The paper is silent on them. Every setting is trained for ``--steps`` steps on the training heads
below ``data/`` and asked for the held-out ones, from one view where nothing else is said; then
``switches.json`` is written beside the other results. All are ``small`` without f_l, which would
tell nearly all that there is to tell before a switch matters. No default was chosen by these.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.face_errors import Errors, error, summary
from benchmarks.machine import describe
from headwater.artifacts.atomic import write_text
from headwater.benchmark.trials import HELD_OUT, Case, read_cases
from headwater.datasets.scenes import FloatArray
from headwater.datasets.tables import (
    read_heads,
    read_sdf_samples,
    read_synthetic_views,
    template_of,
)
from headwater.geometry.registration import umeyama
from headwater.heads import store
from headwater.heads.landmark_files import with_landmarks
from headwater.metrics.benchmark import TruthHead
from headwater.metrics.chamfer import face_sphere
from headwater.systems.glvd.config import SIZES, GlvdConfig
from headwater.systems.glvd.reconstruct import Reconstruction, reconstruct
from headwater.systems.glvd.train import train
from headwater.systems.glvd.weights import TrainedGlvd, load_weights
from headwater.training.loop import deterministic

RESULTS: Final = Path(__file__).parent / "results"
SEED: Final = 0
AS_IT_IS: Final = "as it is"
NO_KEYPOINTS: Final = {"keypoints": 0}
DISTANCES_FIRST: Final = {"sdf_steps": 300, "encoder_rate": 0.5}
SEVERAL_VIEWS: Final = {"most_views": 3}
# What each setting changes of "as it is".
TRAININGS: Final[dict[str, dict[str, Any]]] = {
    AS_IT_IS: {},
    "P: distances with sines": {"relative_encoding": "dist_pe"},
    "P: Gaussians of distances": {"relative_encoding": "gauss"},
    "P: differences": {"relative_encoding": "offset"},
    "P: KeypointNeRF's": {"relative_encoding": "kpnerf"},
    "18 keypoints": {"keypoints": 18},
    "no keypoints": NO_KEYPOINTS,
    "no keypoints, signed distances first": NO_KEYPOINTS | DISTANCES_FIRST,
    "signed distances first": DISTANCES_FIRST,
    "keypoints learn first": {"keypoint_steps": 100},
    "P from true keypoints alone": {"keypoint_shares": (1.0, 0.0)},
    "every query trains every vertex": {"supervision": "all"},
    "Laplacian term": {"laplacian_weight": 1.0},
    "no anchors": {"anchors": 0},
    "no template prior": {"template_prior": False},
    "not mirrored": {"mirror": False},
    "up to three views": SEVERAL_VIEWS,
    "up to three views, hidden units fused": SEVERAL_VIEWS | {"fusion": "hidden"},
}
# Questions to the weights of "as it is".
STARTS: Final = {"started at the origin": "zero", "started at the mean head": "template"}


@dataclass(frozen=True)
class Rows:
    """Of every head, by setting, mm: the honest face error, and corresponding vertices' distance.

    The first goes from the true surface to the found one, and a rough surface that passes near
    everything does well by it; by the second it does not.
    """

    face: list[Errors]
    vertex: list[Errors]


def main() -> None:
    """Train and ask every setting, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="a finished build")
    parser.add_argument("--steps", type=int, default=400, help="of every training")
    parser.add_argument("--heads", type=int, default=None, help="only so many of the heads")
    options = parser.parse_args()
    cases = [case for case in read_cases(options.data) if case.test_set == HELD_OUT]
    cases = cases[: options.heads]
    rows = Rows([{} for _ in cases], [{} for _ in cases])
    for name, change in TRAININGS.items():
        steps = {"steps": options.steps, "checkpoint_every": options.steps}
        config = SIZES["small"].model_copy(update={"landmark_features": 0, **steps, **change})
        trained = fitted(config, options.data)
        answers = {name: 1}
        if config.most_views > 1:
            answers = {f"{name}, one is seen": 1, f"{name}, three are seen": 3}
        for answer, views in answers.items():
            ask(rows, cases, trained, answer, views)
        if name == AS_IT_IS:
            ask(rows, cases, trained, "mean head", 1, as_mean_head)
            for start, value in STARTS.items():
                other = replace(trained, config=trained.config.model_copy(update={"start": value}))
                ask(rows, cases, other, start, 1)
        mean = np.nanmean([row[answer] for row in rows.face for answer in answers])
        print(f"{name}: {mean:.3f} mm", flush=True)
    record = {
        "steps": options.steps,
        "heads": len(cases),
        "face_chamfer_mm": summary(rows.face, SEED),
        "vertex_error_mm": summary(rows.vertex, SEED),
        "machine": describe(),
    }
    write_text(RESULTS / "switches.json", json.dumps(record, indent=2, sort_keys=True) + "\n")


def fitted(config: GlvdConfig, data: Path) -> TrainedGlvd:
    """Weights of a setting, trained from nothing."""
    heads = read_heads(data)
    views = read_synthetic_views(data, heads)
    model = with_landmarks(store.read(data / "head_model" / "bases.safetensors"))
    samples = read_sdf_samples(data, heads) if config.sdf_steps else None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        result = train(
            config, heads, views, template_of(model), out, out / "ck", samples=samples, seed=SEED
        )
        return load_weights(result.weights)


def ask(
    rows: Rows,
    cases: list[Case],
    trained: TrainedGlvd,
    name: str,
    views: int,
    answer: Callable[[TrainedGlvd, Reconstruction], Reconstruction] = lambda _, found: found,
) -> None:
    """Add the errors of every case, seen in its first views, to its rows."""
    with deterministic(trained.config.threads):
        for face, vertex, case in zip(rows.face, rows.vertex, cases, strict=True):
            found = answer(trained, reconstruct(trained, case.views.choose(np.arange(views))))
            face[name] = error(case, trained.template, found)
            vertex[name] = vertex_error(found.vertices, case.truth)


def vertex_error(vertices: FloatArray, truth: TruthHead) -> float:
    """Mean distance, mm, of the face's vertices (V, 3) to the true ones, rigidly aligned."""
    face = face_sphere(truth.vertices, truth.nose_tip)
    found, true = vertices[face], truth.vertices[face]
    aligned = umeyama(found, true, with_scale=False).apply(found)
    return float(np.linalg.norm(aligned - true, axis=1).mean())


def as_mean_head(trained: TrainedGlvd, found: Reconstruction) -> Reconstruction:
    """The mean head in place of what was found."""
    return replace(found, vertices=trained.mean_head)


if __name__ == "__main__":
    main()
