"""``python -m benchmarks.claims``: what the paper claims of its parts, on a build's held-out heads.

Reads the tables and the GLVD weights below ``data/`` and writes ``claims-<size>.json`` beside the
other results: the scan-to-mesh error with the branch's own keypoints, with true ones, with true
ones 20 mm off and after other numbers of steps, that of the head which the landmarks suggest
before any step, and the seconds that a reconstruction takes by its number of views. All from
one view.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.face_errors import Errors, error, summary
from benchmarks.machine import describe
from benchmarks.timing import Spread
from headwater.artifacts.atomic import write_text
from headwater.data.scenes import Views
from headwater.evaluation.heads.trials import Case, read_cases
from headwater.systems.glvd.answer import reconstruct
from headwater.systems.glvd.config import SIZES
from headwater.systems.glvd.data import keypoint_indices
from headwater.systems.glvd.weights import TrainedGlvd, load_weights
from headwater.training.device import chosen_device
from headwater.training.loop import deterministic

RESULTS: Final = Path(__file__).parent / "results"
NOISE_MM: Final = 20.0
STEPS: Final = (4, 6, 8, 10, 30)
TIMED_VIEWS: Final = (1, 3, 6)
ROUNDS: Final = 9
SEED: Final = 0


def main() -> None:
    """Measure the weights below ``--data`` and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="a finished build")
    parser.add_argument("--heads", type=int, default=None, help="only so many of the heads")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    data, device = options.data, chosen_device(options.device, "--device")
    trained = load_weights(data / "train" / "glvd" / "weights.safetensors")
    trained.network.to(device)
    cases = [case for case in read_cases(data) if case.test_set == "held_out"][: options.heads]
    with deterministic(trained.config.threads, device):
        rows = []
        for number, case in enumerate(cases):
            rows.append(judge(trained, case, np.random.default_rng([SEED, number])))
            print(f"{number + 1} of {len(cases)} heads", end="\r", flush=True)
        seconds = timed(trained, max(cases, key=lambda case: len(case.views)).views)
    record = {
        "size": size_of(trained),
        "heads": len(cases),
        "face_scan_to_mesh_mm": summary(rows, SEED),
        "seconds": {f"{count} views": spread.as_json() for count, spread in seconds.items()},
        "device": options.device,
        "heatmaps": trained.config.heatmaps.source,
        "machine": describe(),
    }
    path = RESULTS / f"claims-{record['size']}.json"
    write_text(path, json.dumps(record, indent=2, sort_keys=True) + "\n")
    print(path.read_text())


def judge(trained: TrainedGlvd, case: Case, rng: np.random.Generator) -> Errors:
    """Scan-to-mesh errors of one face, mm, under every condition; NaN where it cannot be judged.

    Only the first view is seen.
    """
    template, view = trained.template, case.views.choose(np.array([0]))
    chosen = keypoint_indices(trained.config.keypoints)
    true = template.landmarks_478.on(case.truth.vertices)[chosen]
    off = (true + rng.normal(0.0, NOISE_MM, true.shape)).astype(np.float32)
    found = reconstruct(trained, view, iterations=max(STEPS))
    heads = {
        "mean head": trained.mean_head,
        "suggested by the landmarks": found.suggested,
        **{f"step {step}": found.steps[step] for step in STEPS},
        "step 10, true keypoints": reconstruct(trained, view, guides=true).vertices,
        "step 10, keypoints 20 mm off": reconstruct(trained, view, guides=off).vertices,
    }
    return {name: error(case, template, vertices) for name, vertices in heads.items()}


def timed(trained: TrainedGlvd, views: Views) -> dict[int, Spread]:
    """Seconds of a reconstruction by number of views; the counts take turns."""
    seconds: dict[int, list[float]] = {n: [] for n in TIMED_VIEWS if n <= len(views)}
    for _ in range(ROUNDS):
        for count, values in seconds.items():
            started = time.perf_counter()
            reconstruct(trained, views.choose(np.arange(count)))
            values.append(time.perf_counter() - started)
    return {count: Spread(tuple(values)) for count, values in seconds.items()}


def size_of(trained: TrainedGlvd) -> str:
    """Name of the size that the weights were trained at, whatever their steps and heatmaps."""
    config = trained.config
    same = {
        "iterations": config.iterations,
        "heatmaps": config.heatmaps,
        "localiser": config.localiser,
    }
    names = [n for n, size in SIZES.items() if size.model_copy(update=same) == config]
    return names[0] if names else "other"


if __name__ == "__main__":
    main()
