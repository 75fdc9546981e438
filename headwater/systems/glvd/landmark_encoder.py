"""f_l: the detected landmarks as numbers, beside the heatmaps that hold them as pictures.

Maps of the small sizes have cells of 9 mm; a landmark's own coordinates are exact.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from headwater.systems.glvd.features import mean_over_views, project

# Landmarks differ from the mean head's by hundredths of the crop.
_OFFSET_GAIN = 30.0
_DIRECTION_GAIN = 2.0
_HIDDEN = 256


class LandmarkEncoder(nn.Module):
    """Where the 68 landmarks stand beside the projected mean head's, and from where they are seen.

    template: (68, 3) the mean head's landmarks, canonical. A linear map plus one hidden layer per
    view, then the mean over the views that have landmarks.
    """

    def __init__(self, template: Tensor, image_px: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("template", template)
        self.template: Tensor
        self.image_px = image_px
        inputs = 2 * len(template) + 3
        self.linear = nn.Linear(inputs, outputs)
        self.hidden = nn.Linear(inputs, _HIDDEN)
        self.last = nn.Linear(_HIDDEN, outputs)

    def forward(self, landmarks: Tensor, projection: Tensor) -> Tensor:
        """Landmarks (B, N, 68, 2) px in the crop, projection (B, N, 3, 4) -> (B, outputs).

        Zeros for a head without landmarks in any view.
        """
        usual, _ = project(self.template.expand(len(landmarks), -1, -1), projection)
        offset = (landmarks - usual) / self.image_px * _OFFSET_GAIN
        seen = torch.isfinite(offset).all(dim=-1).all(dim=-1)
        offset = torch.where(seen[..., None, None], offset, torch.zeros_like(offset))
        centre = -torch.linalg.solve(projection[..., :3], projection[..., 3])
        direction = _DIRECTION_GAIN * functional.normalize(centre, dim=-1)
        x = torch.cat([offset.flatten(2), direction], dim=-1)
        encoded = self.linear(x) + self.last(functional.relu(self.hidden(x)))
        return mean_over_views(encoded[:, :, None], seen[:, :, None])[:, 0]
