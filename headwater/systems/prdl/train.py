"""Training of PRDL: frames without a true shape, to the coefficients of the face model."""

from math import cos, pi
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from headwater.artifacts.ids import canonical_json
from headwater.data.augmentation import disturbed_colours
from headwater.data.tables import read_model, template_of
from headwater.heads.model import HeadModel
from headwater.networks.encoder_weights import load_encoder
from headwater.systems.prdl.config import PrdlConfig, Weights
from headwater.systems.prdl.data import Examples, read_examples
from headwater.systems.prdl.detector_errors import MeanErrors, mean_errors
from headwater.systems.prdl.losses import Objective
from headwater.systems.prdl.model import Prdl, network_images, projected, shrunk
from headwater.systems.prdl.morphable import Bases, shape_bases
from headwater.systems.prdl.texture import texture_bases
from headwater.systems.prdl.warped import warped
from headwater.systems.prdl.weights import save_weights
from headwater.training.determinism import deterministic
from headwater.training.draws import pass_over
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Run
from headwater.training.schedules import Factor, Rate, milestones, warm_up
from headwater.training.turns import Turn

# Factor on the rate after the drop.
_DROP: Final = 0.2
# Share of the steps in which the rate rises, and share of the cosine for the steps with all losses.
_WARM_UP: Final = 0.05
_LATER: Final = 0.4


def train_on_tables(config: PrdlConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve."""
    model = read_model(data)
    template = template_of(model)
    errors = mean_errors(data, template.nose_bridge)
    examples = read_examples(config, data, template, errors)
    return train(config, model, examples, errors, run, weights)


def train(
    config: PrdlConfig,
    model: HeadModel,
    examples: Examples,
    errors: MeanErrors,
    run: Run,
    weights: Path,
) -> Curve:
    """Train on examples and write ``weights``; the same input gives the same bytes on the CPU."""
    template, device = template_of(model), run.device
    with deterministic(config.threads, device):
        network = untrained(config, bases_of(config, model, examples, run.seed), run.seed)
        network.to(device)
        objective = Objective(config, template)
        optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
        steps = config.landmark_steps + config.steps

        def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
            rows = pass_over(len(examples), config.batch, step, run.share)
            batch = drawn(examples, config.flip, rows, generator)
            if config.warp:
                batch = warped(batch, other_identities(network, objective, batch, generator))
            found = network(_input(config, batch.pixels.to(device), generator))
            first = step < config.landmark_steps
            return objective.losses(network, found, batch, _of_phase(config.weights, first=first))

        curve = fit(
            network,
            [Turn(optimizer, losses, Rate(config.learning_rate, (_schedule(config),)))],
            Plan(steps, config.checkpoint_every),
            seed=run.seed,
            fingerprint=canonical_json({"config": config.of_training(), "seed": run.seed}),
            checkpoint_dir=run.checkpoints,
            fabric=run.fabric,
            progress=run.progress,
        )
    save_weights(weights, network.cpu(), template, errors, run.seed)
    return curve


def _schedule(config: PrdlConfig) -> Factor:
    """The factor on the learning rate by step, as ``config.schedule`` names it.

    ``drop``: ``_DROP`` from a share of the steps on. ``cosine``: half a cosine after a short
    warm-up, the last ``_LATER`` of which belongs to the steps with all losses, few and costly.
    """
    first, later = config.landmark_steps, config.steps
    if config.schedule == "drop":
        return milestones([int(config.drop_at * (first + later))], _DROP)
    rising = warm_up(max(1, int(_WARM_UP * (first + later))))
    share = 1.0 - _LATER if first else 0.0

    def factor(step: int) -> float:
        if step < first:
            done = share * step / first
        else:
            done = share + (1.0 - share) * (step - first) / later
        return rising(step) * 0.5 * (1.0 + cos(pi * min(1.0, done)))

    return factor


def _of_phase(weights: Weights, *, first: bool) -> Weights:
    """The weights of a step: in the first phase without those of parts and colours."""
    return weights.model_copy(update={"prdl": 0.0, "photometric": 0.0}) if first else weights


def _input(config: PrdlConfig, pixels: Tensor, generator: torch.Generator) -> Tensor:
    if not config.disturbed:
        return network_images(pixels, config.shrink)
    return disturbed_colours(shrunk(pixels, config.shrink), generator)


def other_identities(
    network: Prdl, objective: Objective, examples: Examples, generator: torch.Generator
) -> Tensor:
    """Moves (B, m, 2) px of the mean face's landmarks by random changes of identity."""
    spread = network.config.warp
    count, components = len(examples), len(network.identity)
    change = spread * torch.randn(count, components, generator=generator)
    mean = network.mean.cpu()
    moved = torch.einsum("bi,ivc->bvc", change, network.identity.cpu())
    before, after = (
        projected(objective.face.landmarks(one), examples.projection)[0]
        for one in (mean.expand(count, -1, -1), mean + moved)
    )
    return after - before


def bases_of(config: PrdlConfig, model: HeadModel, examples: Examples, seed: int) -> Bases:
    """The face model: bases of the head model's prior, textures of the examples."""
    shapes = shape_bases(model, config.identities, config.expressions, config.people, seed)
    textures = texture_bases(examples, shapes[0], template_of(model), config.textures)
    return Bases(*shapes, *textures)


def untrained(config: PrdlConfig, bases: Bases, seed: int) -> Prdl:
    """A network with random first weights of ``seed``, or the encoder's of the user's file."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Prdl(config, bases)
    if config.encoder_weights:
        file = Path(config.answer.encoder_file)
        load_encoder(network.encoder, file, config.encoder_sha256)
    return network


def drawn(examples: Examples, flip: float, rows: Tensor, generator: torch.Generator) -> Examples:
    """The examples of a step, a share ``flip`` of them mirrored."""
    batch = examples.choose(rows)
    flipped = torch.rand(len(rows), generator=generator) < flip
    mirrored = batch.mirrored()
    return Examples(
        *(
            torch.where(flipped.view(-1, *[1] * (own.dim() - 1)), other, own)
            for own, other in zip(batch.tensors, mirrored.tensors, strict=True)
        )
    )
