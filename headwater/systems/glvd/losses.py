"""The field losses and where the field is asked: queries, and keypoints that guide it."""

import torch
from torch import Tensor


def clamped_l1(step: Tensor, points: Tensor, target: Tensor, clamp: float) -> Tensor:
    """Mean | clamp(target - points, -clamp, clamp) - step | over all entries.

    step, points, target: (..., 3) canonical; the target takes no gradient.
    """
    wanted = (target.detach() - points.detach()).clamp(-clamp, clamp)
    return (wanted - step).abs().mean()


def oracle_path(start: Tensor, target: Tensor, steps: Tensor, clamp: float) -> Tensor:
    """Where a perfect descent stands after ``steps`` steps.

    start, target: (B, n, 3); steps: (B, 1, 1), fractions allowed.
    """
    reach = steps * clamp
    return start + torch.minimum(torch.maximum(target - start, -reach), reach)
