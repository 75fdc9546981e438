"""Synthetic views per second: a sampled head rendered with its truth at 256 x 256 pixels."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from benchmarks.head import head_model
from benchmarks.outcome import Figure, Outcome
from benchmarks.pinned import PinnedWorkers, usable_cores
from benchmarks.timing import ratio, take_turns
from headwater.artifacts.ids import item_id, seed_of
from headwater.heads.sampling import sample_expression, sample_shape
from headwater.rendering.scenes import sample_shot
from headwater.rendering.view import render_view

VIEWS = 24
SIDE_PX = 256
ROUNDS = 5


def render(numbers: Sequence[int]) -> int:
    """Sample and render one view per number; returns how many."""
    model = head_model()
    for number in numbers:
        head = item_id("benchmark", number)
        rng = np.random.default_rng(seed_of("head", head))
        vertices = model.vertices(sample_shape(model, rng), sample_expression(model, rng))
        shot = sample_shot(head, number % 3, SIDE_PX)
        render_view(model, vertices, shot.look, shot.camera)
    return len(numbers)


def measure() -> Outcome:
    """Time one and two workers in turns."""
    numbers = range(VIEWS)
    cores = usable_cores()
    with PinnedWorkers(cores) as workers:
        rates = take_turns(
            {
                str(count): partial(workers.run, render, numbers, count)
                for count in range(1, len(cores) + 1)
            },
            ROUNDS,
        )
    figures = [Figure("views on one core", "per second", rates["1"])]
    if "2" in rates:
        figures += [
            Figure("views on two cores", "per second", rates["2"]),
            Figure("two cores to one", "times", ratio(rates["2"], rates["1"])),
        ]
    return Outcome(
        "synthetic views",
        tuple(figures),
        {
            "view": f"{SIDE_PX} x {SIDE_PX} px: shape, image, mask, parts, depth and landmarks",
            "views": f"{VIEWS} heads per pass, frontal and side views",
        },
    )
