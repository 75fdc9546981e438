"""Training of the parser on rendered views and what they show."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from headwater.faces.vocabulary import FaceClass
from headwater.networks.unet import UNet
from headwater.parsing.augmentation import changed
from headwater.parsing.examples import Examples
from headwater.parsing.parser import FaceParser, new_network
from headwater.training.determinism import deterministic
from headwater.training.draws import pass_over
from headwater.training.fingerprints import fingerprint
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Progress
from headwater.training.schedules import Rate, cosine, warm_up
from headwater.training.turns import Turn

# The weight of a class is its share of the pixels to the power of minus this: enough for eyes to
# count beside clothes, and too little for them to be found everywhere.
BALANCE: Final = 0.25
# Largest weight of a class, as a multiple of the mean weight of a pixel.
MOST_WEIGHT: Final = 16.0
# Share of the weights' logarithm that is subtracted from the scores after training.
TAKEN_OFF: Final = 0.8
# Weight of the overlap loss against the cross entropy, and pixels that are added to both sides of
# its ratio.
OVERLAP_WEIGHT, DOUBT_PX = 3.0, 2.0


@dataclass(frozen=True)
class Training:
    """Length and settings of a parser's training.

    piece_px: side of the piece of a crop that a step learns from, smaller than the crop, whose many
    pixels are for eyes and lips. threads: of the CPU, fixed because sums of floats depend on them.
    checkpoint_every: steps between two checkpoints.
    """

    steps: int = 2400
    batch: int = 8
    piece_px: int = 96
    learning_rate: float = 1e-2
    threads: int = 1
    checkpoint_every: int = 100


def class_weights(classes: Tensor) -> Tensor:
    """Weights (C,) of the classes in maps (n, S, S) uint8; 1 for a class without a pixel."""
    counts = torch.bincount(classes.reshape(-1).long(), minlength=len(FaceClass)).double()
    there = counts > 0
    weights = torch.ones(len(FaceClass), dtype=torch.float64)
    weights[there] = (counts[there] / counts.sum()) ** -BALANCE
    weights[there] /= (weights * counts).sum() / counts.sum()
    return weights.clamp(max=MOST_WEIGHT).float()


def overlap_loss(scores: Tensor, wanted: Tensor) -> Tensor:
    """1 less the mean over images and classes of their overlap, small ones like large ones.

    scores: (n, C, H, W). wanted: (n, H, W) int64. The overlap is the intersection over union of the
    classes' probabilities (Rahman and Wang, ISVC 2016), as parts are judged by it. ``DOUBT_PX`` are
    added to intersection and union, so that a class that an image does not have counts little.
    """
    count, classes = scores.shape[:2]
    shares, names = scores.softmax(dim=1).flatten(2), wanted.flatten(1)
    place = (names + classes * torch.arange(count)[:, None]).flatten()
    there = shares.gather(1, names[:, None]).flatten()
    both = scores.new_zeros(count * classes).index_add(0, place, there)
    true = torch.bincount(place, minlength=count * classes)
    either = shares.sum(dim=2).flatten() + true - both
    return 1.0 - ((both + DOUBT_PX) / (either + DOUBT_PX)).mean()


@torch.no_grad()
def unweighted(network: UNet, weights: Tensor) -> None:
    """Subtract ``TAKEN_OFF`` of the logarithm of class weights (C,) from a network's scores.

    Training with weights finds rare classes soon, but too many pixels of them (logit adjustment,
    Menon et al., ICLR 2021).
    """
    bias = network.out.bias
    assert bias is not None
    bias -= (TAKEN_OFF * weights.log()).repeat_interleave(len(bias) // len(weights))


def train_parser(
    examples: Examples,
    how: Training,
    *,
    seed: int,
    checkpoints: Path,
    progress: Progress | None = None,
) -> tuple[FaceParser, Curve]:
    """A parser trained on examples, and its curve.

    The same arguments give the same weights, however often the training was stopped.
    """
    weights = class_weights(examples.classes)

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        rows = pass_over(len(examples), how.batch, step)
        inputs, wanted = changed(examples.choose(rows), how.piece_px, generator)
        scores = network(inputs)
        return {
            "cross_entropy_loss": functional.cross_entropy(scores, wanted, weights),
            "overlap_loss": OVERLAP_WEIGHT * overlap_loss(scores, wanted),
        }

    with deterministic(how.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = new_network()
        optimizer = torch.optim.AdamW(
            network.parameters(), how.learning_rate, weight_decay=0.01, fused=True
        )
        rate = Rate(how.learning_rate, (warm_up(max(how.steps // 20, 1)), cosine(how.steps)))
        curve = fit(
            network,
            [Turn(optimizer, losses, rate, gradient_norm=1.0)],
            Plan(how.steps, how.checkpoint_every),
            seed=seed,
            fingerprint=fingerprint(
                train_parser,
                {"training": asdict(how), "seed": seed},
                (examples.pixels, examples.classes, examples.landmarks),
            ),
            checkpoint_dir=checkpoints,
            progress=progress,
        )
        unweighted(network, weights)
    return FaceParser(network.requires_grad_(requires_grad=False)), curve
