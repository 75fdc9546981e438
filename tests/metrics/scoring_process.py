"""Scores one rough prediction in a process of its own and prints what that took, as JSON.

``python -m tests.metrics.scoring_process KIND``: an egg of 2,562 vertices, made rough as KIND says.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headwater.metrics.benchmark import Prediction, TruthHead, score
from tests.metrics import heads as toys


def spiky(vertices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fifty vertices stand half a metre off."""
    rows = rng.choice(len(vertices), 50, replace=False)
    vertices[rows] += rng.normal(0.0, 500.0, (50, 3))
    return vertices


def one_far_off(vertices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One vertex of the face stands ten metres off."""
    vertices[np.flatnonzero(vertices[:, 2] > 90.0)[7]] += 1e4
    return vertices


KINDS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "smooth": lambda vertices, rng: vertices,
    "noise": lambda vertices, rng: vertices + rng.normal(0.0, 20.0, vertices.shape),
    "spikes": spiky,
    "one vertex far off": one_far_off,
    "all far off": lambda vertices, rng: vertices + 1e4,
    "a kilometre wide": lambda vertices, rng: vertices * (1e6 / np.ptp(vertices)),
    "a kilometre of noise": lambda vertices, rng: vertices + rng.normal(0, 1e6, vertices.shape),
    "a point": lambda vertices, rng: 0.0 * vertices,
}


def peak_mb() -> float:
    """The most memory that this program held; what ``getrusage`` gives holds its parent's too."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in one]
    return int(line.split()[1]) / 1024


def main(kind: str) -> None:
    """Print the row's face error and failure, the peak memory in MB and the seconds of one core."""
    mesh = toys.egg(4)
    landmarks = toys.landmark_vertices(mesh)
    truth = TruthHead("ada", 1.02 * mesh.vertices, mesh.faces, 1.02 * mesh.vertices[landmarks])
    vertices = KINDS[kind](mesh.vertices.copy(), np.random.default_rng(0))
    before = time.process_time()
    row = score(
        truth,
        Prediction(vertices, mesh.faces, vertices[landmarks]),
        system="toy",
        views=1,
        yaw_degrees=0.0,
    )
    used = {
        "seconds": time.process_time() - before,
        "peak_mb": peak_mb(),
        "face_mm": row.face_scan_to_mesh_mm,
        "failure": row.failure,
    }
    print(json.dumps(used))


if __name__ == "__main__":
    main(sys.argv[1])
