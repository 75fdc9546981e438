"""The network, its training and its answers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from headwater.artifacts.atomic import write_bytes
from headwater.training.checkpoint import read_safetensors, safetensors_bytes
from headwater.training.determinism import deterministic
from headwater.training.draws import pass_over
from headwater.training.loop import Plan, fit
from headwater.training.run import Curve, Run
from headwater.training.schedules import Rate, cosine
from headwater.training.turns import Turn
from yaw_net import YawConfig
from yaw_net.views import View, rendered_views

SIDE_PX = 32
# One unit of the network's output.
UNIT_DEGREES = 30.0


def network(width: int) -> nn.Module:
    """From grey images (n, 1, 32, 32) to their yaw (n, 1), in units."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * width * (SIDE_PX // 4) ** 2, 1),
    )


def train(config: YawConfig, data: Path, run: Run, weights: Path) -> Curve:
    """Train on the rendered views of the split "train" and write ``weights``."""
    views = list(rendered_views(data, "train"))
    images = _images(views).to(run.device)
    yaws = torch.tensor([[view.yaw_degrees] for view in views]).to(run.device) / UNIT_DEGREES
    torch.manual_seed(run.seed)
    net = network(config.width).to(run.device)

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        rows = pass_over(len(views), config.batch, step, run.share)
        shown, wanted = images[rows], yaws[rows]
        if torch.rand((), generator=generator) < 0.5:
            # The mirror image of a head is turned the other way.
            shown, wanted = shown.flip(3), -wanted
        return {"yaw_loss": functional.mse_loss(net(shown), wanted)}

    rate = Rate(config.learning_rate, (cosine(config.steps),))
    with deterministic(1, run.device):
        curve = fit(
            net,
            [Turn(torch.optim.Adam(net.parameters()), losses, rate)],
            Plan(config.steps, checkpoint_every=100),
            seed=run.seed,
            fingerprint=config.model_dump_json(),
            checkpoint_dir=run.checkpoints,
            fabric=run.fabric,
            progress=run.progress,
        )
    write_bytes(weights, safetensors_bytes(net.state_dict(), {"system": "yaw_net"}))
    return curve


def load(weights: Path, config: YawConfig, device: str) -> nn.Module:
    """The trained network of a file of ``train``."""
    net = network(config.width)
    net.load_state_dict(read_safetensors(weights)[0])
    return net.to(device).eval()


def answer(net: nn.Module, view: View) -> float:
    """The yaw of a view, degrees."""
    device = next(net.parameters()).device
    with torch.no_grad(), deterministic(1, device):
        return UNIT_DEGREES * net(_images([view]).to(device)).item()


def _images(views: Sequence[View]) -> Tensor:
    """Grey images (n, 1, 32, 32) float32, from -1 to 1."""
    grey = [Image.fromarray(view.image).convert("L") for view in views]
    small = np.stack([np.asarray(one.resize((SIDE_PX, SIDE_PX)), np.float32) for one in grey])
    return torch.from_numpy(small)[:, None] / 127.5 - 1
