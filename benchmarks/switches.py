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
from headwater.data.scenes import FloatArray, Heads, SdfSamples, Template, Views
from headwater.data.tables import (
    read_heads,
    read_sdf_samples,
    read_synthetic_views,
    template_of,
)
from headwater.descent.config import SIZES, GlvdConfig
from headwater.descent.reconstruct import Reconstruction, reconstruct
from headwater.descent.train import train
from headwater.descent.weights import TrainedGlvd, load_weights
from headwater.evaluation.heads.trials import HELD_OUT, Case, read_cases
from headwater.geometry.registration import umeyama
from headwater.heads import store
from headwater.heads.landmark_files import with_landmarks
from headwater.metrics.benchmark import TruthHead
from headwater.metrics.scan_to_mesh import face_sphere
from headwater.training.loop import deterministic

RESULTS: Final = Path(__file__).parent / "results"
SEED: Final = 0
AS_IT_IS: Final = "as it is"
NO_KEYPOINTS: Final = {"keypoints": 0}
DISTANCES_FIRST: Final = {"sdf_steps": 300, "encoder_rate": 0.5}
MOST_VIEWS: Final = 3
SEVERAL_VIEWS: Final = {"most_views": MOST_VIEWS}
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
class Scene:
    """Training data of a build."""

    heads: Heads
    views: Views
    samples: SdfSamples
    template: Template


@dataclass(frozen=True)
class Rows:
    """Of every head, by setting, mm: scan-to-mesh error, and corresponding vertices' distance.

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
    if options.steps % 10 or options.steps <= 100:
        parser.error("--steps: a multiple of 10 above 100, where keypoints learn first for 100")
    cases = [case for case in read_cases(options.data) if case.test_set == HELD_OUT]
    cases = cases[: options.heads]
    if any(len(case.views) < MOST_VIEWS for case in cases):
        parser.error(f"--data: a build with benchmark.views of {MOST_VIEWS} or more")
    scene = scene_of(options.data)
    rows = Rows([{} for _ in cases], [{} for _ in cases])
    for name, change in TRAININGS.items():
        steps = {"steps": options.steps, "checkpoint_every": options.steps}
        config = SIZES["small"].model_copy(update={"landmark_features": 0, **steps, **change})
        trained = fitted(config, scene)
        answers = {name: 1}
        if config.most_views > 1:
            answers = {f"{name}, one is seen": 1, f"{name}, three are seen": MOST_VIEWS}
        for answer, views in answers.items():
            ask(rows, cases, trained, answer, views)
        if name == AS_IT_IS:
            ask(rows, cases, trained, "mean head", 1, as_mean_head)
            for start, value in STARTS.items():
                other = replace(trained, config=trained.config.model_copy(update={"start": value}))
                ask(rows, cases, other, start, 1)
        write(rows, options.steps)
        mean = np.nanmean([row[answer] for row in rows.face for answer in answers])
        print(f"{name}: {mean:.3f} mm", flush=True)


def write(rows: Rows, steps: int) -> None:
    """Write what there is so far: a run that is stopped keeps it."""
    record = {
        "steps": steps,
        "heads": len(rows.face),
        "face_scan_to_mesh_mm": summary(rows.face, SEED),
        "vertex_error_mm": summary(rows.vertex, SEED),
        "machine": describe(),
    }
    write_text(RESULTS / "switches.json", json.dumps(record, indent=2, sort_keys=True) + "\n")


def fitted(config: GlvdConfig, scene: Scene) -> TrainedGlvd:
    """Weights of a setting, trained from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        result = train(
            config,
            scene.heads,
            scene.views,
            scene.template,
            out,
            out / "ck",
            samples=scene.samples,
            seed=SEED,
        )
        return load_weights(result.weights)


def scene_of(data: Path) -> Scene:
    """Training data of the build below ``data``."""
    heads = read_heads(data)
    model = with_landmarks(store.read(data / "head_model" / "bases.safetensors"))
    samples = read_sdf_samples(data, heads)
    return Scene(heads, read_synthetic_views(data, heads), samples, template_of(model))


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
    """The mean head in place of a reconstruction."""
    return replace(found, vertices=trained.mean_head)


if __name__ == "__main__":
    main()
