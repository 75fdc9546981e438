"""Training of a vertex descent: its examples and its optimiser."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from headwater.data.crops import Crops, crop_views
from headwater.data.head_batches import HeadBatches
from headwater.data.mirror import Mirror, mirror_of
from headwater.data.placement import canonical_heads, placed_views
from headwater.data.scenes import Heads, SdfSamples, Template, Views
from headwater.data.view_sets import ViewSets
from headwater.errors import HeadwaterError
from headwater.geometry.anchors import anchor_shares
from headwater.networks.step_decoder import StepDecoder
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.objective import near_face
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Run
from headwater.training.schedules import Rate, constant_then_linear
from headwater.training.selection import Validation
from headwater.training.turns import LossFunction, Turn

NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True)
class TrainResult:
    """weights: the file written. curve: losses over the steps. parameters: their number."""

    weights: Path
    curve: Curve
    parameters: int


@dataclass(frozen=True)
class Examples:
    """Training views of heads, and then their mirror images where the config wants them.

    crops: (n). targets: (h, V, 3) float32, canonical. mirror: None without mirror images.
    """

    views: Views
    crops: Crops
    targets: Tensor
    template: Template
    mirror: Mirror | None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors that a training learns from."""
        crops = self.crops
        of_views = (crops.pixels, crops.landmarks, crops.projection, crops.head, crops.estimated)
        return (*of_views, self.targets)

    def persons(self, heads: Tensor) -> Tensor:
        """The person of each head (n,) int64; a head and its mirror image are one person's."""
        return heads % (len(self.targets) // (1 if self.mirror is None else 2))

    @property
    def seen_targets(self) -> Tensor:
        """The targets that some crop shows."""
        return self.targets[torch.unique(self.crops.head)]

    def batches(self, config: DescentConfig, device: torch.device) -> HeadBatches:
        """Batches of them, as the config says, with their images on ``device``."""
        return HeadBatches(
            ViewSets(self.views, self.crops, self.template),
            config.most_views,
            config.camera_noise_degrees,
            config.camera_noise_px,
            config.space,
            device,
        )


@dataclass(frozen=True)
class TrainingPart(Run):
    """A part of a training; progress(step, steps, record) counts this part's own steps.

    fingerprint: of all that its weights depend on.
    """

    fingerprint: str = field(kw_only=True)

    def after(self, steps: int) -> "TrainingPart":
        """The part whose steps are counted on from those of the parts before it."""
        progress = self.progress
        if progress is None:
            return self

        def counted_on(step: int, of: int, record: dict[str, float]) -> None:
            progress(steps + step, steps + of, record)

        return replace(self, progress=counted_on)


def examples_of(config: DescentConfig, heads: Heads, views: Views, template: Template) -> Examples:
    """The views whose split is "train", cropped, and their heads.

    Raises HeadwaterError when there is none.
    """
    views = views.choose(views.split == "train")
    if not len(views):
        raise HeadwaterError("no view has the split 'train'; nothing to train on")
    crops = crop_views(
        placed_views(views, template), template.nose_bridge, config.image_px, config.crop_mm
    )
    targets = canonical_heads(heads, template)
    mirror = mirror_of(template) if config.mirror else None
    if mirror is not None:
        crops, targets = mirror.crops(crops, len(targets)), mirror.heads(targets)
    return Examples(views, crops, targets, template, mirror)


def vertex_smoothing(config: DescentConfig, template: Template) -> Tensor | None:
    """(V, anchors) shares of the anchors, which lie closer on the face; None without anchors."""
    if not config.anchors:
        return None
    return torch.from_numpy(anchor_shares(template.mean, config.anchors, near_face(template)))


def untrained(build: Callable[[], NetworkT], seed: int) -> NetworkT:
    """A network with first weights of ``seed``, its convolutions laid out channels last."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build()
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def fit_descent(
    config: DescentConfig,
    network: nn.Module,
    f_v: nn.Module,
    losses: LossFunction,
    part: TrainingPart,
    validation: Validation | None,
) -> Curve:
    """Train the whole network in place; a pre-trained encoder ``f_v`` at its own, lower rate.

    validation: selects its weights.
    """
    encoder, own = list(f_v.parameters()), own_rows(network)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    others = set(learned).difference(encoder, own)
    groups = [
        {"params": encoder, "rate_share": config.encoder_rate if config.sdf_steps else 1.0},
        {"params": own, "rate_share": config.own_rate},
        {"params": [one for one in learned if one in others], "rate_share": 1.0},
    ]
    return fit(
        network,
        [turn(config, groups, losses, config.steps)],
        Plan(config.steps, config.checkpoint_every),
        seed=part.seed,
        fingerprint=part.fingerprint,
        checkpoint_dir=part.checkpoints,
        fabric=part.fabric,
        validation=validation,
        progress=part.progress,
    )


def own_rows(network: nn.Module) -> list[nn.Parameter]:
    """Last-layer weights that vertices have of their own, beside those of anchors."""
    decoders = [one for one in network.modules() if isinstance(one, StepDecoder)]
    return [one for d in decoders if d.smoothing is not None for one in d.last.parameters()]


def turn(
    config: DescentConfig, groups: list[dict[str, Any]], losses: LossFunction, steps: int
) -> Turn:
    """Adam with the config's learning rate over so many steps, for groups of parameters."""
    optimizer = torch.optim.AdamW(
        groups,
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=True,
    )
    rate = Rate(config.learning_rate, (constant_then_linear(steps, config.constant_share),))
    return Turn(optimizer, losses, rate, config.gradient_norm)


def counted_from(curve: Curve, first: int) -> Curve:
    """A curve whose steps begin at ``first``: parts before the descent are counted below zero."""
    return [{**record, "step": record["step"] + first} for record in curve]


def sample_tensors(samples: SdfSamples | None) -> tuple[Tensor, ...]:
    """Points and distances of the samples; nothing without any."""
    if samples is None:
        return ()
    return torch.from_numpy(samples.points), torch.from_numpy(samples.distances)
