"""Training of the parser on rendered views and what they show."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from headwater.artifacts.code import code_of_functions
from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.faces.vocabulary import FaceClass
from headwater.parsing.augmentation import changed
from headwater.parsing.parser import CROP_PX, FaceParser, new_network
from headwater.training.determinism import deterministic
from headwater.training.draws import pass_over
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Progress
from headwater.training.schedules import Rate, cosine, warm_up
from headwater.training.turns import Turn

# A class weighs as its share of the pixels to the power of minus this, so that eyes count beside
# clothes without being seen everywhere.
BALANCE: Final = 0.5
# Of the mean weight: what a rare class weighs at most.
MOST_WEIGHT: Final = 16.0


@dataclass(frozen=True)
class Training:
    """Length and settings of a parser's training.

    threads: of the CPU, fixed because sums of floats depend on them. checkpoint_every: steps
    between two checkpoints.
    """

    steps: int = 1100
    batch: int = 8
    learning_rate: float = 3e-3
    threads: int = 1
    checkpoint_every: int = 100


def _fingerprint(pixels: Tensor, classes: Tensor, how: Training, seed: int) -> str:
    """SHA-256 of all that the weights depend on."""
    content = hashlib.sha256(pixels.contiguous().numpy().data)
    content.update(classes.contiguous().numpy().data)
    code = code_of_functions((train_parser,)).as_json()
    material = [code, asdict(how), seed, content.hexdigest()]
    return sha256_hex(canonical_json(material).encode())


def class_weights(classes: Tensor) -> Tensor:
    """Weights (C,) of the classes in maps (n, S, S) uint8; those that are nowhere weigh 1."""
    counts = torch.bincount(classes.reshape(-1).long(), minlength=len(FaceClass)).double()
    there = counts > 0
    weights = torch.ones(len(FaceClass), dtype=torch.float64)
    weights[there] = (counts[there] / counts.sum()) ** -BALANCE
    weights[there] /= (weights * counts).sum() / counts.sum()
    return weights.clamp(max=MOST_WEIGHT).float()


def overlap_loss(scores: Tensor, wanted: Tensor) -> Tensor:
    """1 less the mean over classes of their Dice overlap, which counts small ones like large ones.

    scores: (n, C, H, W). wanted: (n, H, W) int64. Soft Dice over the batch (Milletari et al., 3DV
    2016); one pixel more on both sides of its ratio keeps classes that are nowhere defined.
    """
    shares = scores.softmax(dim=1)
    there = shares.gather(1, wanted[:, None])[:, 0]
    both = scores.new_zeros(scores.shape[1]).index_add(0, wanted.reshape(-1), there.reshape(-1))
    true = torch.bincount(wanted.reshape(-1), minlength=scores.shape[1])
    return 1.0 - ((2.0 * both + 1.0) / (shares.sum(dim=(0, 2, 3)) + true + 1.0)).mean()


def train_parser(
    pixels: Tensor,
    classes: Tensor,
    how: Training,
    *,
    seed: int,
    checkpoints: Path,
    progress: Progress | None = None,
) -> tuple[FaceParser, Curve]:
    """A parser trained on crops and classes, and its curve.

    pixels: (n, S, S, 3) uint8, classes: (n, S, S) uint8, as ``changed`` takes them. The same
    arguments give the same weights, however often the training was stopped.
    """
    weights = class_weights(classes)

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        rows = pass_over(len(pixels), how.batch, step)
        inputs, wanted = changed(pixels[rows], classes[rows], CROP_PX, generator)
        scores = network(inputs)
        return {
            "cross_entropy_loss": functional.cross_entropy(scores, wanted, weights),
            "overlap_loss": overlap_loss(scores, wanted),
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
            fingerprint=_fingerprint(pixels, classes, how, seed),
            checkpoint_dir=checkpoints,
            progress=progress,
        )
    return FaceParser(network.requires_grad_(requires_grad=False)), curve
