"""PRDL and its point sets beside the plain ways of the tests: samples per second, and memory."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import torch
from torch import Tensor

from benchmarks.outcome import Figure, Outcome
from benchmarks.timing import Spread, digits, ratio, take_turns
from headwater.systems.prdl.part_distances import PartTargets, part_reprojection_loss
from headwater.systems.prdl.point_sets import (
    SKIN_POINTS,
    cell_points,
    farthest_points,
    pixel_centres,
)
from tests.systems.prdl.slow_prdl import (
    ellipse_mask,
    ellipse_points,
    slow_apart,
    slow_farthest_points,
)

SIZE_PX: Final = 224
# Number of points, centre and axes, px, as of a frontal face of that size.
PARTS: Final = (
    (215, (80, 95), (14, 5)),
    (220, (144, 95), (14, 5)),
    (250, (80, 80), (18, 4)),
    (250, (144, 80), (18, 4)),
    (400, (112, 155), (24, 5)),
    (280, (112, 166), (22, 6)),
    (1050, (112, 125), (16, 25)),
    (3000, (112, 120), (65, 85)),
)
# How far the points are from the pixels, px.
OFFSET: Final = (3.0, -2.0)
ROUNDS: Final = 3
GOAL: Final = 30.0
GOAL_OF_SAMPLING: Final = 20.0
GOAL_MB: Final = 64.0
PLAIN_PICKS: Final = 100
TOLERANCE: Final = 1e-4


def sample() -> tuple[list[Tensor], PartTargets]:
    """Eight parts of one image: points float32 that want a gradient, and targets."""
    generator = torch.Generator().manual_seed(0)
    masks = np.stack([ellipse_mask(SIZE_PX, centre, axes) for _, centre, axes in PARTS])
    moved = torch.tensor(OFFSET)
    points = [
        (ellipse_points(count, centre, axes, generator).float() + moved).requires_grad_()
        for count, centre, axes in PARTS
    ]
    return points, PartTargets.of_masks(masks)


def ways(points: list[Tensor], targets: PartTargets) -> dict[str, Callable[[], Tensor]]:
    """The loss in each way, by name."""
    return {
        "ours": lambda: part_reprojection_loss(points, targets),
        "all pairs": lambda: part_reprojection_loss(points, targets, average="direct"),
        "stride 4": lambda: part_reprojection_loss(points, targets, stride=4),
        "naive": lambda: slow_apart(points, targets.descriptors),
    }


def measure() -> Outcome:
    """Compare them in turns: forward and backward, then the samplers, then memory."""
    points, targets = sample()
    losses = ways(points, targets)
    pulls = {
        name: torch.cat(torch.autograd.grad(losses[name](), points)) for name in ("ours", "naive")
    }
    apart = float((pulls["ours"] - pulls["naive"]).norm() / pulls["naive"].norm())
    if apart > TOLERANCE:
        raise AssertionError(f"the gradients of the two ways differ by {apart} of their length")
    rates = take_turns({name: _step(loss, points) for name, loss in losses.items()}, ROUNDS)
    samplers = take_turns(_samplers(), ROUNDS)
    megabytes = {name: Spread((peak_growth_mb(name),)) for name in ("ours", "naive")}
    return Outcome(
        "part distances",
        (
            *(Figure(f"PRDL, {name}", "per second", rate) for name, rate in rates.items()),
            Figure("PRDL, ours to naive", "times", ratio(rates["ours"], rates["naive"]), GOAL),
            Figure("PRDL, all pairs to naive", "times", ratio(rates["all pairs"], rates["naive"])),
            Figure("peak growth, ours", "MB", megabytes["ours"], GOAL_MB, at_most=True),
            Figure("peak growth, naive", "MB", megabytes["naive"]),
            *(Figure(f"points, {name}", "per second", rate) for name, rate in samplers.items()),
            Figure(
                "farthest points, ours to plain Python",
                "times",
                ratio(samplers["farthest, ours"], samplers["farthest, plain Python"]),
                GOAL_OF_SAMPLING,
            ),
        ),
        {
            "image": f"{SIZE_PX} x {SIZE_PX} px, 8 parts, {sum(part[0] for part in PARTS)} points",
            "PRDL": "loss and gradient of one image in float32, targets computed before",
            "ours": "quadtree search, f_ave by particle mesh",
            "all pairs": "the same with f_ave over all pairs of pixel and point, in blocks",
            "naive": "torch.cdist without matrix products, amin, amax and mean, by autograd",
            "gradients": f"ours and naive differ by {apart:.1e} of their length",
            "farthest points": (
                f"{SKIN_POINTS} of {len(_skin())} pixels with the same draws and results; plain "
                f"Python is timed on the first {PLAIN_PICKS}, which cost it what all others do"
            ),
            "peak growth": "of a process of its own, over what it held before",
            "cores": f"all with torch's {torch.get_num_threads()} threads",
        },
    )


def peak_growth_mb(way: str) -> float:
    """Peak growth of a process' memory during loss and gradient of one image, MB."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.part_distances", way],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return digits(float(done.stdout))


def _grow(way: str) -> float:
    points, targets = sample()
    small = PartTargets(targets.descriptors[:1, :, :32, :32].contiguous(), (True,))
    _step(ways(points[:1], small)[way], points[:1])()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = psutil.Process().memory_info().rss
    _step(ways(points, targets)[way], points)()
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return (peak_kib * 1024 - before) / 1e6


def _step(loss: Callable[[], Tensor], points: list[Tensor]) -> Callable[[], int]:
    def step() -> int:
        torch.autograd.grad(loss(), points)
        return 1

    return step


def _skin() -> np.ndarray:
    _, centre, axes = PARTS[-1]
    return pixel_centres(ellipse_mask(SIZE_PX, centre, axes))


def _samplers() -> dict[str, Callable[[], int]]:
    points = _skin()

    def rng() -> np.random.Generator:
        return np.random.default_rng(0)

    return {
        "farthest, ours": lambda: len(farthest_points(points, SKIN_POINTS, rng())),
        "farthest, plain Python": lambda: len(slow_farthest_points(points, PLAIN_PICKS, rng())),
        "one per cell": lambda: len(cell_points(points, rng())),
    }


if __name__ == "__main__":
    print(_grow(sys.argv[1]))
