"""Parameters of which every scene has its own, such as latent codes and descriptors."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class PerScene(nn.Module):
    """A parameter of its own for each scene, of which a batch touches a few.

    Rows of one common tensor would be moved on by an optimiser's momentum and weight decay in steps
    that do not touch them. Here the gradient of a scene that a step does not touch is None, for
    which torch's optimisers leave parameter, moments and step count alone.
    """

    def __init__(self, starts: Iterable[Tensor]) -> None:
        """starts: first values of every scene's parameter, of any shapes."""
        super().__init__()
        self.scenes = nn.ParameterList([nn.Parameter(start.clone()) for start in starts])

    def __len__(self) -> int:
        return len(self.scenes)

    def forward(self, scenes: Tensor) -> Tensor:
        """Parameters (B, ...) of the scenes with the numbers (B,); they need equal shapes."""
        return torch.stack([self.scenes[scene] for scene in scenes.tolist()])
