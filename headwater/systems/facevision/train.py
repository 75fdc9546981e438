"""Training of FaceVision-GAN, and the measurement of the errors of its maps."""

import warnings
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from headwater.artifacts.ids import canonical_json
from headwater.data.augmentation import disturbed_colours
from headwater.data.canonical import to_head_frame
from headwater.data.face_codes import face_cut
from headwater.data.placement import canonical_heads
from headwater.data.scenes import FloatArray, Heads, Template
from headwater.systems.facevision.config import FaceVisionConfig
from headwater.systems.facevision.data import Examples, TrainingSet, read_training_set
from headwater.systems.facevision.evidence import (
    Noise,
    Prior,
    head_prior,
    latents_of,
    measured_noise,
)
from headwater.systems.facevision.losses import Batch, Objective
from headwater.systems.facevision.model import FaceVision, Generator
from headwater.systems.facevision.predicted import predicted_maps, predicted_views
from headwater.systems.facevision.weights import TrainedFaceVision, save_weights
from headwater.training.determinism import deterministic
from headwater.training.draws import pass_over
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Run
from headwater.training.schedules import Rate, constant_then_linear
from headwater.training.turns import LossFunction, Turn

BETAS: Final = (0.5, 0.999)
# A discriminator's loss below this tells of a collapse; that of a random one is 0.69.
COLLAPSED: Final = 0.01
# Most views on which the errors of maps are measured, evenly chosen.
MOST_VIEWS: Final = 2000


def train_on_tables(config: FaceVisionConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve."""
    return train(config, read_training_set(config, data), run, weights)


def train(config: FaceVisionConfig, given: TrainingSet, run: Run, weights: Path) -> Curve:
    """Train on crops with maps and write ``weights``; the same input gives the same bytes."""
    template = given.template
    with deterministic(config.threads, run.device):
        network, curve = train_network(config, given.examples, run)
        generator = network.generator.cpu().eval()
        prior = prior_of(config, given.training_heads, template)
        noise = noise_of(config, generator, given, prior)
    save_weights(weights, TrainedFaceVision(generator, config, template, prior, noise, run.seed))
    return curve


def train_network(
    config: FaceVisionConfig, examples: Examples, run: Run
) -> tuple[FaceVision, Curve]:
    """The networks of eq. 1, trained on the examples that are not held out, and the curve."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        network = FaceVision(config)
    network.to(run.device)
    learned = examples.choose(torch.nonzero(~examples.held_out).flatten())

    def draw(step: int, generator: torch.Generator) -> Batch:
        rows = pass_over(len(learned), config.batch, step, run.share)
        return drawn(learned.choose(rows), config.flip, generator, run.device)

    objective = Objective(config, network, draw)
    turns = [_turn("generator", network.generator, objective.generator, config)]
    if config.gan:
        judges = network.discriminators
        turns.append(_turn("discriminators", judges, objective.discriminators, config))
    curve = fit(
        network,
        turns,
        Plan(config.steps, config.checkpoint_every),
        seed=run.seed,
        fingerprint=canonical_json({"config": config.of_training(), "seed": run.seed}),
        checkpoint_dir=run.checkpoints,
        fabric=run.fabric,
        progress=run.progress,
    )
    if low := collapsed(curve):
        warnings.warn(low, stacklevel=2)
    return network, curve


def collapsed(curve: Curve) -> str:
    """A warning where a discriminator's loss was below ``COLLAPSED``; empty otherwise."""
    steps = [
        f"{name.removesuffix('_discriminator_loss')} at step {record['step']:.0f}"
        for record in curve
        for name, value in record.items()
        if name.endswith("_discriminator_loss") and value < COLLAPSED
    ]
    if not steps:
        return ""
    return (
        f"FaceVision-GAN: a discriminator's loss was below {COLLAPSED} {len(steps)} times, last of "
        f"{steps[-1]}: it teaches nothing there; set a lower learning_rate or discriminator_width"
    )


def _turn(name: str, module: nn.Module, losses: LossFunction, config: FaceVisionConfig) -> Turn:
    optimizer = torch.optim.Adam(module.parameters(), lr=config.learning_rate, betas=BETAS)
    decay = constant_then_linear(config.steps, config.constant_share)
    return Turn(optimizer, losses, Rate(config.learning_rate, (decay,)), name=name)


def drawn(batch: Examples, flip: float, generator: torch.Generator, device: torch.device) -> Batch:
    """Network input and true maps in -1..1 of examples, a share ``flip`` of them mirrored."""
    pixels, maps = batch.pixels.movedim(-1, 1).float() / 255.0, batch.maps.float()
    flipped = (torch.rand(len(batch), generator=generator) < flip).view(-1, 1, 1, 1)
    pixels = torch.where(flipped, pixels.flip(3), pixels)
    maps = (torch.where(flipped, mirrored_maps(maps), maps) * 2.0 - 1.0).to(device)
    photos = disturbed_colours(pixels.to(device), generator)
    return photos, {"depth": maps[:, :1], "codes": maps[:, 1:]}


def mirrored_maps(maps: Tensor) -> Tensor:
    """Maps (n, 4, S, S) in 0..1 of mirrored heads: the x of a code becomes 1 - x on the face."""
    other = maps.flip(3)
    face = other[:, 0] > 0
    other[:, 1] = torch.where(face, 1.0 - other[:, 1], other[:, 1])
    return other


def prior_of(config: FaceVisionConfig, heads: Heads, template: Template) -> Prior:
    """The distribution of the training heads, aligned by their landmarks."""
    return head_prior(_placed(heads, template), config.components)


def _placed(heads: Heads, template: Template) -> FloatArray:
    return to_head_frame(canonical_heads(heads, template).numpy(), template.nose_bridge)


def noise_of(
    config: FaceVisionConfig, generator: Generator, given: TrainingSet, prior: Prior
) -> Noise:
    """Errors of anchors read off the maps of examples whose true heads are known."""
    examples = given.examples
    known = torch.nonzero(examples.head >= 0).flatten()
    every = np.linspace(0, len(known) - 1, min(len(known), MOST_VIEWS)).round().astype(int)
    chosen = examples.choose(known[torch.from_numpy(np.unique(every))])
    errors = anchor_errors(config, generator, chosen, given.template)
    latents = latents_of(prior, _placed(given.heads, given.template))[chosen.head.numpy()]
    return measured_noise(errors, latents, chosen.held_out.numpy(), chosen.estimated.numpy())


def anchor_errors(
    config: FaceVisionConfig, generator: Generator, examples: Examples, template: Template
) -> FloatArray:
    """Errors (n, m, 3), mm, of anchors read off the predicted maps; NaN where one is not seen."""
    cut, mm = face_cut(template), config.pixel_mm
    anchors = cut.anchors(config.anchors)
    stacks = predicted_maps(generator, examples.pixels)
    views = predicted_views(stacks, examples.projection, cut, template.nose_bridge)
    readings = [view.reading(cut, anchors, mm, estimated=False) for view in views]
    found = np.stack([one.places for one in readings])
    true = examples.anchors.numpy().astype(np.float64)
    true[..., 2] -= np.array([one.middle_mm for one in readings])[:, None]
    return (found - true) * np.array([mm, mm, 1.0])
