"""``python -m benchmarks.switches``: what GLVD's switches do, trained alike on a build's heads.

The paper is silent on them. Every setting is trained for ``--steps`` steps on the training heads
below ``data/`` and asked for the held-out ones, from one view where nothing else is said; then
``switches.json`` is written beside the other results. All are ``small`` without the landmark
encoder, which would tell nearly all that there is to tell before a switch matters; without
keypoints it is LVD. No default was chosen by these.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.face_errors import Errors, error, summary
from benchmarks.machine import describe
from headwater.artifacts.atomic import write_text
from headwater.data.scenes import FloatArray, Views
from headwater.data.training_tables import TrainingTables, read_training_tables
from headwater.evaluation.heads.trials import Case, held_out_cases
from headwater.geometry.registration import umeyama
from headwater.metrics.benchmark import TruthHead
from headwater.metrics.scan_to_mesh import face_sphere
from headwater.systems.glvd import answer as glvd
from headwater.systems.glvd.config import SIZES
from headwater.systems.glvd.train import train
from headwater.systems.glvd.weights import TrainedGlvd, load_weights
from headwater.systems.lvd import answer as lvd
from headwater.systems.lvd.config import SIZES as LVD_SIZES
from headwater.systems.lvd.train import train as train_lvd
from headwater.training.determinism import deterministic
from headwater.training.run import Run

RESULTS: Final = Path(__file__).parent / "results"
SEED: Final = 0
AS_IT_IS: Final = "as it is"
DISTANCES_FIRST: Final = {"sdf_steps": 300, "encoder_rate": 0.5}
MOST_VIEWS: Final = 3
SEVERAL_VIEWS: Final = {"most_views": MOST_VIEWS}
# Changes of each setting against "as it is".
TRAININGS: Final[dict[str, dict[str, Any]]] = {
    AS_IT_IS: {},
    "P: distances with sines": {"relative_encoding": "dist_pe"},
    "P: Gaussians of distances": {"relative_encoding": "gauss"},
    "P: differences": {"relative_encoding": "offset"},
    "P: KeypointNeRF's": {"relative_encoding": "kpnerf"},
    "18 keypoints": {"keypoints": 18},
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
LVD_TRAININGS: Final[dict[str, dict[str, Any]]] = {
    "no keypoints": {},
    "no keypoints, signed distances first": DISTANCES_FIRST,
}
# Questions to the weights of "as it is".
STARTS: Final = {"started at the origin": "zero", "started at the mean head": "template"}


# Vertices (V, 3) mm of the head that views show, in their frame.
Answerer = Callable[[Views], FloatArray]


@dataclass(frozen=True)
class Rows:
    """Errors of every head by setting, mm.

    face: scan to mesh, from the true surface to the found one, which rewards a rough surface that
    passes near everything. vertex: distance of corresponding vertices, which does not.
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
    if options.steps % 10 or options.steps <= 100:
        parser.error("--steps: a multiple of 10 above 100, where keypoints learn first for 100")
    cases = held_out_cases(options.data, options.heads)
    if any(len(case.views) < MOST_VIEWS for case in cases):
        parser.error(f"--data: a build with benchmark.views of {MOST_VIEWS} or more")
    scene = read_training_tables(options.data, samples=True, validation=0)
    rows = Rows([{} for _ in cases], [{} for _ in cases])
    steps = {"steps": options.steps, "checkpoint_every": options.steps}
    for name, change in TRAININGS.items():
        trained = fitted({**steps, **change}, scene)
        answers = {name: 1}
        if trained.config.most_views > 1:
            answers = {f"{name}, one is seen": 1, f"{name}, three are seen": MOST_VIEWS}
        for answer, views in answers.items():
            ask(rows, cases, scene, answer, of_glvd(trained), views)
        if name == AS_IT_IS:
            mean_head = trained.mean_head
            ask(rows, cases, scene, "mean head", lambda _, head=mean_head: head)
            for start, value in STARTS.items():
                other = replace(trained, config=trained.config.model_copy(update={"start": value}))
                ask(rows, cases, scene, start, of_glvd(other))
        record(rows, options.steps, name, answers)
    for name, change in LVD_TRAININGS.items():
        ask(rows, cases, scene, name, fitted_lvd({**steps, **change}, scene))
        record(rows, options.steps, name, (name,))


def record(rows: Rows, steps: int, name: str, answers: Iterable[str]) -> None:
    """Write what there is so far, and say how a setting did."""
    write(rows, steps)
    mean = np.nanmean([row[answer] for row in rows.face for answer in answers])
    print(f"{name}: {mean:.3f} mm", flush=True)


def write(rows: Rows, steps: int) -> None:
    """Write the figures so far: a run that is stopped keeps them."""
    figures = {
        "steps": steps,
        "heads": len(rows.face),
        "face_scan_to_mesh_mm": summary(rows.face, SEED),
        "vertex_error_mm": summary(rows.vertex, SEED),
        "machine": describe(),
    }
    write_text(RESULTS / "switches.json", json.dumps(figures, indent=2, sort_keys=True) + "\n")


def fitted(change: dict[str, Any], scene: TrainingTables) -> TrainedGlvd:
    """GLVD with some other settings, trained from nothing."""
    config = SIZES["small"].model_copy(update={"landmark_features": 0, **change})
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        train(config, scene, Run(SEED, out / "ck"), out / "weights.safetensors")
        return load_weights(out / "weights.safetensors")


def fitted_lvd(change: dict[str, Any], scene: TrainingTables) -> Answerer:
    """LVD with some other settings, trained from nothing."""
    config = LVD_SIZES["small"].model_copy(update=change)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        train_lvd(config, scene, Run(SEED, out / "ck"), out / "weights.safetensors")
        trained = lvd.load_weights(out / "weights.safetensors")
    return lambda views: lvd.reconstruct(trained, views)[-1]


def of_glvd(trained: TrainedGlvd) -> Answerer:
    """The vertices that trained GLVD answers with."""
    return lambda views: glvd.reconstruct(trained, views).vertices


def ask(
    rows: Rows,
    cases: list[Case],
    scene: TrainingTables,
    name: str,
    answer: Answerer,
    views: int = 1,
) -> None:
    """Add the errors of every case, seen in its first views, to its rows."""
    with deterministic(SIZES["small"].threads):
        for face, vertex, case in zip(rows.face, rows.vertex, cases, strict=True):
            vertices = answer(case.views.choose(np.arange(views)))
            face[name] = error(case, scene.template, vertices)
            vertex[name] = vertex_error(vertices, case.truth)


def vertex_error(vertices: FloatArray, truth: TruthHead) -> float:
    """Mean distance, mm, of the face's vertices (V, 3) to the true ones, rigidly aligned."""
    face = face_sphere(truth.vertices, truth.nose_tip)
    found, true = vertices[face], truth.vertices[face]
    aligned = umeyama(found, true, with_scale=False).apply(found)
    return float(np.linalg.norm(aligned - true, axis=1).mean())


if __name__ == "__main__":
    main()
