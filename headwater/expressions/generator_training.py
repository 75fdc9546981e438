"""Training of a mask-conditioned generator on rendered views and the classes of their pixels."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from headwater.expressions.generator import (
    CROP_TO_FACE,
    KINDS,
    LABELS,
    Generator,
    Kind,
    Name,
    Training,
    one_hot,
)
from headwater.expressions.generator_losses import (
    DISCRIMINATOR_LOSSES,
    GENERATOR_LOSSES,
    feature_matching,
    over_scales,
)
from headwater.networks.patch_discriminator import ScaledDiscriminators
from headwater.parsing.augmentation import drawn_cuts
from headwater.training.determinism import deterministic
from headwater.training.draws import pass_over
from headwater.training.fingerprints import fingerprint
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Progress
from headwater.training.schedules import Rate, constant_then_linear
from headwater.training.turns import Turn

# Examples: pixels a side, and their side as a multiple of the face's.
EXAMPLE_PX, EXAMPLE_TO_FACE = 200, 2.125
# Side of the crop, as a share of that of its example.
SCALE: Final = CROP_TO_FACE / EXAMPLE_TO_FACE
# Largest random shift of the labels against the picture to be made from them, px.
JITTER_PX: Final = 1
# Weights of the other losses beside the GAN's, as published; L1 stands for that of VGG's features.
MATCHING, L1 = 10.0, 10.0


@dataclass(frozen=True)
class Batch:
    """The examples of one step. labels: (n, ``LABELS``, S, S), shifted at random by ``JITTER_PX``.

    picture: (n, 3, S, S) in -1..1. reference, reference_labels: the same face, displaced or as its
    mirror image, so that the network cannot copy its layout.
    """

    labels: Tensor
    picture: Tensor
    reference: Tensor
    reference_labels: Tensor


class Pair(nn.Module):
    """A generator and its discriminators."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.generator = kind.network()
        self.discriminators = ScaledDiscriminators(LABELS + 3, kind.discriminator_width)


class Objective:
    """The losses of both turns of a step: the generator's, then the discriminators'."""

    def __init__(self, pair: Pair, kind: Kind, pixels: Tensor, classes: Tensor, batch: int) -> None:
        self.pair, self.kind = pair, kind
        self.pixels, self.classes, self.batch = pixels, classes, batch
        self._made: tuple[Batch, Tensor] | None = None

    def generator(self, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The generator's GAN loss, feature matching and L1 within the face, weighted."""
        rows = pass_over(len(self.pixels), self.batch, step)
        batch = drawn_batch(self.pixels[rows], self.classes[rows], self.kind.side, generator)
        made = self.pair.generator(batch.labels, batch.reference, batch.reference_labels)
        self._made = batch, made.detach()
        features = self.pair.discriminators(torch.cat([batch.labels, made], dim=1))
        with torch.no_grad():
            real = self.pair.discriminators(torch.cat([batch.labels, batch.picture], dim=1))
        return {
            "gan_loss": over_scales(GENERATOR_LOSSES[self.kind.gan], features),
            "matching_loss": MATCHING * feature_matching(features, real),
            "l1_loss": L1 * l1_of_face(made, batch),
        }

    def discriminators(self, _step: int, _generator: torch.Generator) -> dict[str, Tensor]:
        """The discriminators' losses of real pictures and of the generator's, kept by its turn."""
        assert self._made is not None
        batch, made = self._made
        losses = {}
        for real, picture in ((True, batch.picture), (False, made)):
            features = self.pair.discriminators(torch.cat([batch.labels, picture], dim=1))
            loss = partial(DISCRIMINATOR_LOSSES[self.kind.gan], real=real)
            losses["real_loss" if real else "fake_loss"] = over_scales(loss, features)
        return losses


def l1_of_face(made: Tensor, batch: Batch) -> Tensor:
    """Mean absolute difference over pixels of any part: the others of a frame are never painted."""
    face = 1.0 - batch.labels[:, :1]
    return ((made - batch.picture).abs() * face).sum() / (3.0 * face.sum()).clamp(min=1.0)


def drawn_batch(pixels: Tensor, classes: Tensor, side: int, generator: torch.Generator) -> Batch:
    """A batch from examples (n, E, E, 3) and their classes (n, E, E), uint8."""
    count = len(pixels)
    mirrored = torch.rand(count, generator=generator) < 0.5
    flipped = torch.rand(count, generator=generator) < 0.5
    own = drawn_cuts(mirrored, SCALE, generator)
    other = drawn_cuts(mirrored ^ flipped, SCALE, generator)
    beside = torch.randint(-JITTER_PX, JITTER_PX + 1, (2,), generator=generator).tolist()
    return Batch(
        one_hot(own.classes(classes, side).roll(beside, dims=(1, 2))),
        2.0 * own.pixels(pixels, side) - 1.0,
        2.0 * other.pixels(pixels, side) - 1.0,
        one_hot(other.classes(classes, side)),
    )


def train_generator(
    name: Name,
    pixels: Tensor,
    classes: Tensor,
    how: Training,
    *,
    seed: int,
    checkpoints: Path,
    progress: Progress | None = None,
) -> tuple[Generator, Curve]:
    """A generator trained on pictures of faces, and its curve.

    pixels: (n, E, E, 3) uint8, classes: (n, E, E) uint8, E ``EXAMPLE_PX``. The same
    arguments give the same weights, however often the training was stopped.
    """
    kind = KINDS[name]
    with deterministic(how.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pair = Pair(kind)
        objective = Objective(pair, kind, pixels, classes, how.batch)
        falling = constant_then_linear(how.steps, 0.5)
        turns = [
            Turn(
                torch.optim.Adam(part.parameters(), rate, betas=(0.5, 0.999)),
                losses,
                Rate(rate, (falling,)),
                name=turn,
            )
            for turn, part, losses, rate in (
                ("generator", pair.generator, objective.generator, kind.rates[0]),
                ("discriminators", pair.discriminators, objective.discriminators, kind.rates[1]),
            )
        ]
        curve = fit(
            pair,
            turns,
            Plan(how.steps, how.checkpoint_every),
            seed=seed,
            fingerprint=fingerprint(
                train_generator,
                {"name": name, "training": asdict(how), "seed": seed},
                (pixels, classes),
            ),
            checkpoint_dir=checkpoints,
            progress=progress,
        )
    return Generator(pair.generator.requires_grad_(requires_grad=False), kind.side), curve
