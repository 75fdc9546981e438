"""Training: the coarse mesh with its true vertices, then the detail network without any truth."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from headwater.data.camera_axes import turned_points
from headwater.data.canonical import UNIT_MM
from headwater.data.crops import network_images
from headwater.data.fitted_photos import FittedPhotos, read_fitted_photos
from headwater.data.tables import read_model
from headwater.data.training_tables import TrainingTables, ValidationHeads, read_training_tables
from headwater.networks.encoder_weights import load_encoder
from headwater.networks.shading import vertex_normals
from headwater.networks.vertex_descent.objective import near_face
from headwater.networks.vertex_descent.selection import validation_tensors, vertex_error_mm
from headwater.networks.vertex_descent.training import TrainingPart, counted_from
from headwater.systems.spiral_gcn.answer import reconstruct
from headwater.systems.spiral_gcn.config import SpiralConfig, first_steps
from headwater.systems.spiral_gcn.data import Examples, cameras_of, examples_of
from headwater.systems.spiral_gcn.detail import Look, displacement, look_at, skin_of, visible
from headwater.systems.spiral_gcn.first_training import train_apart
from headwater.systems.spiral_gcn.losses import coarse_loss, fine_losses, seen_at
from headwater.systems.spiral_gcn.model import SpiralGcn
from headwater.systems.spiral_gcn.surface import surface_of
from headwater.systems.spiral_gcn.weights import TrainedSpiral, save_weights
from headwater.training.determinism import deterministic
from headwater.training.draws import pass_over
from headwater.training.fingerprints import fingerprint
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Run
from headwater.training.schedules import Rate, constant_then_linear
from headwater.training.selection import Validation
from headwater.training.turns import LossFunction, Turn

_RING = 7
# Batches over which the displacement is averaged, for the part that does not depend on the image.
_COMMON_BATCHES = 16


def train_on_tables(config: SpiralConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the tables below ``data`` and write ``weights``; returns the curve."""
    tables = read_training_tables(
        data,
        samples=False,
        validation=config.validation_heads,
        estimated=config.estimated_views,
    )
    photos: Iterable[FittedPhotos] = ()
    if config.fitted_photos:
        folder = Path(config.answer.fitted_folder)
        photos = read_fitted_photos(folder, config.fitted_sha256, read_model(data))
    return train(config, tables, run, weights, photos)


def train(
    config: SpiralConfig,
    tables: TrainingTables,
    run: Run,
    weights: Path,
    photos: Iterable[FittedPhotos] = (),
) -> Curve:
    """Train both stages and write ``weights``; the same input gives the same bytes on the CPU.

    photos: with fitted heads, on which both stages are trained, too.
    """
    surface, template = surface_of(tables.template, config), tables.template
    examples = examples_of(config, tables.heads, tables.views, template, surface, photos)
    trained, curve = train_on_examples(config, examples, tables.validation, run)
    save_weights(weights, trained)
    return curve


def train_on_examples(
    config: SpiralConfig, examples: Examples, validation: ValidationHeads | None, run: Run
) -> tuple[TrainedSpiral, Curve]:
    """The trained network, on the CPU, and the curve of both stages."""
    device = run.device
    with deterministic(config.threads, device):
        data = [*examples.tensors, *validation_tensors(validation)]
        settings = {"config": config.of_training(), "seed": run.seed, "device": device.type}
        key = fingerprint(train, settings, data)
        part = TrainingPart(run.seed, run.checkpoints, run.progress, run.fabric, fingerprint=key)
        network = untrained(config, examples, run.seed).to(device)
        trained = TrainedSpiral(network, config, examples.template, examples.surface)
        first = first_steps(config)
        curve = train_apart(network, examples, part) if first else []
        coarse = train_coarse(trained, examples, validation, part.after(first))
        detail = train_detail(trained, examples, part.after(first + config.steps))
        curve = [*curve, *counted_from(coarse, first), *counted_from(detail, first)]
    network.cpu()
    return trained, curve


def untrained(config: SpiralConfig, examples: Examples, seed: int) -> SpiralGcn:
    """A network with random weights of ``seed``, whose answer is the mean surface.

    The weights of its encoder are those of the user's file, where one is named.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SpiralGcn(config, examples.surface, examples.mean)
    if config.encoder_weights:
        file = Path(config.answer.encoder_file)
        load_encoder(network.encoder, file, config.encoder_sha256)
    return network


def train_coarse(
    trained: TrainedSpiral,
    examples: Examples,
    validation: ValidationHeads | None,
    part: TrainingPart,
) -> Curve:
    """Train encoder and decoder in place."""
    config, network = trained.config, trained.network
    encoder = list(network.encoder.parameters())
    own = set(encoder)
    others = [one for one in network.coarse_parameters() if one not in own]
    optimizer = torch.optim.AdamW(
        [
            {"params": encoder, "rate_share": config.encoder_rate},
            {"params": others, "rate_share": 1.0},
        ],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )
    rate = Rate(config.learning_rate, (constant_then_linear(config.steps, config.constant_share),))
    losses = _coarse_losses(trained, examples, part)
    return fit(
        network,
        [Turn(optimizer, losses, rate, gradient_norm=1.0)],
        Plan(config.steps, config.checkpoint_every),
        seed=part.seed,
        fingerprint=f"coarse {part.fingerprint}",
        checkpoint_dir=part.checkpoints / "coarse",
        fabric=part.fabric,
        validation=_validation(trained, validation),
        progress=part.progress,
    )


def _coarse_losses(trained: TrainedSpiral, examples: Examples, part: TrainingPart) -> LossFunction:
    config, network = trained.config, trained.network
    device = network.mean.device
    batches = examples.batches(config, device)

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        rows = pass_over(len(examples.crops), config.batch, step, part.share)
        batch = batches.draw(rows, generator)
        truth = turned_points(examples.targets[batch.heads], batch.axes).to(device)
        found = network(batch.images[:, 0, :3].to(device))
        return {"coarse_loss": coarse_loss(found.vertices, truth, config.scale_mm / UNIT_MM)}

    return losses


def train_detail(trained: TrainedSpiral, examples: Examples, part: TrainingPart) -> Curve:
    """Train the detail network in place; nothing else changes."""
    config, network = trained.config, trained.network
    network.eval()
    network.common.zero_()
    optimizer = torch.optim.Adam(network.detail.parameters(), lr=config.detail_rate, fused=True)
    curve = fit(
        network.detail,
        [Turn(optimizer, fine_objective(trained, examples, part), Rate(config.detail_rate))],
        Plan(config.detail_steps, config.checkpoint_every),
        seed=part.seed,
        fingerprint=f"detail {part.fingerprint}",
        checkpoint_dir=part.checkpoints / "detail",
        fabric=part.fabric,
        progress=part.progress,
    )
    network.common.copy_(mean_displacement(trained, examples) / trained.edge)
    return counted_from(curve, config.steps)


def mean_displacement(trained: TrainedSpiral, examples: Examples) -> Tensor:
    """Mean displacement (s, 1, 3), canonical units, over the first crops of a pass."""
    batch = trained.config.detail_batch
    with torch.no_grad():
        moved = [
            displacement(
                trained.network,
                _look(trained, examples, pass_over(len(examples.crops), batch, step)),
                trained.edge,
            )
            for step in range(_COMMON_BATCHES)
        ]
    return torch.cat(moved, dim=1).mean(dim=1, keepdim=True)


def _look(trained: TrainedSpiral, examples: Examples, rows: Tensor) -> Look:
    """The coarse meshes of crops, with what their images show of them."""
    network, crops = trained.network, examples.crops
    device = network.mean.device
    pixels = crops.pixels[rows].to(device)
    _, cameras = cameras_of(trained.config, crops.projection[rows])
    coarse = network(network_images(pixels)[:, :3])
    faces = trained.surface.faces.to(device)
    return look_at(network, coarse, pixels, cameras.to(device), faces)


def fine_objective(
    trained: TrainedSpiral, examples: Examples, part: TrainingPart
) -> Callable[[int, torch.Generator], dict[str, Tensor]]:
    """The fine stage's losses, as a function of the step."""
    config, network = trained.config, trained.network
    device = network.mean.device
    faces, skin = trained.surface.faces.to(device), skin_of(trained.template, trained.surface)
    rings, edge = network.levels.spirals(0)[:, :_RING], trained.edge

    def losses(step: int, _generator: torch.Generator) -> dict[str, Tensor]:
        rows = pass_over(len(examples.crops), config.detail_batch, step, part.share)
        with torch.no_grad():
            look = _look(trained, examples, rows)
            weights = visible(look, faces, config.image_px) * skin.to(device)
            seen = seen_at(look.colours, weights, look.normals, rings, config.fine.albedo_steps)
        moved = displacement(network, look, edge)
        normals = vertex_normals(look.vertices + moved.transpose(0, 1), faces).transpose(0, 1)
        return fine_losses(moved, normals, seen, rings, edge, config.fine)

    return losses


def _validation(trained: TrainedSpiral, heads: ValidationHeads | None) -> Validation | None:
    """The vertex error, mm, of the face of the coarse mesh; None without heads."""
    if heads is None:
        return None
    near = near_face(trained.template)
    views = [heads.views.choose(np.array([row])) for row in range(len(heads.views))]

    def error(_network: torch.nn.Module) -> float:
        errors = [
            vertex_error_mm(reconstruct(trained, view).coarse, truth, near)
            for view, truth in zip(views, heads.vertices, strict=True)
        ]
        return float(np.mean(errors))

    return Validation(trained.config.validate_every, error)
