"""Descents per second beside LVD's own way of computing, at LVD's own size."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.outcome import Figure, Outcome
from benchmarks.timing import ratio, take_turns
from headwater.networks.vertex_descent.fields import EncodedViews, random_ball
from headwater.systems.lvd.config import SIZES
from headwater.systems.lvd.model import Lvd
from tests.systems.lvd.slow_descent import slow_descent

VERTICES = 6890
ITERATIONS = 10
ROUNDS = 3
TOLERANCE = 1e-4
STEP_SHRINKAGE = 0.05


def network() -> Lvd:
    """LVD with random weights; time does not depend on what it has learned."""
    torch.manual_seed(0)
    net = Lvd(SIZES["paper"], 0.5 * torch.randn(VERTICES, 3)).eval()
    # Steps of a trained network's length keep the points in the image, where rounding stays small.
    net.g_v.last.parametrizations.weight.original0.data *= STEP_SHRINKAGE
    return net


def view(side: int) -> tuple[Tensor, Tensor]:
    """One random image and a camera in front of the head, 9 canonical units away."""
    focal, middle = 2.5 * side, side / 2
    projection = torch.tensor(
        [[focal, 0, -middle, 9 * middle], [0, -focal, -middle, 9 * middle], [0, 0, -1, 9.0]]
    )
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 1, 4, side, side, generator=generator), projection[None, None]


def measure() -> Outcome:
    """Compare the descent alone, and the whole inference with the encoder."""
    net = network()
    image, projection = view(net.config.image_px)
    start = random_ball(VERTICES, 0.42, torch.Generator().manual_seed(0))[None]

    def ours(encoded: EncodedViews) -> Tensor:
        return net.descend(encoded, start, ITERATIONS)[-1]

    def slow(encoded: EncodedViews) -> Tensor:
        return slow_descent(net, encoded, start, ITERATIONS)

    def once(descend: Callable[[EncodedViews], Tensor], encoded: EncodedViews | None) -> int:
        descend(net.encode(image, projection) if encoded is None else encoded)
        return 1

    with torch.no_grad():
        encoded = net.encode(image, projection)
        apart = float((ours(encoded) - slow(encoded)).abs().max())
        if apart > TOLERANCE:
            raise AssertionError(f"the two ways differ by {apart}")
        rates = take_turns(
            {
                "ours": lambda: once(ours, None),
                "slow": lambda: once(slow, None),
                "our descent": lambda: once(ours, encoded),
                "slow descent": lambda: once(slow, encoded),
            },
            ROUNDS,
        )
    whole = ratio(rates["ours"], rates["slow"])
    return Outcome(
        "descent",
        (
            Figure("our inference", "per second", rates["ours"]),
            Figure("LVD's way of inference", "per second", rates["slow"]),
            Figure("inference, ours to LVD's way", "times", whole, 3.0),
            Figure(
                "descent alone, ours to LVD's way",
                "times",
                ratio(rates["our descent"], rates["slow descent"]),
            ),
        ),
        {
            "network": f"LVD at its own size, {VERTICES} vertices, 256 px, random weights",
            "LVD's way": (
                "full rows at every vertex, of which it keeps its own; the query evaluated twice a "
                "step; four maps sampled one by one; the same encoder"
            ),
            "steps": ITERATIONS,
            "cores": f"both with torch's {torch.get_num_threads()} threads",
            "largest difference": f"{apart:.1e} canonical units",
        },
    )
