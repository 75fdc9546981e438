"""The landmark encoder: landmarks as numbers, beside the heatmaps that hold them as pictures.

It is of no paper. Maps of small networks have cells of 9 mm; a landmark's own coordinates are
exact. What they say of a head depends on where it is seen from (a nose tip off to the side is a
long nose in profile and a crooked one from the front), so they are taken together with the
direction. Their offsets vary by a pixel in some combinations and by a hundredth in others, which
gradient descent would find only slowly: a linear regression on them is fitted in closed form before
the training.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from headwater.networks.localiser.points import LANDMARKS
from headwater.networks.pixel_aligned import mean_over_views, project

# Landmarks differ from the mean head's by hundredths of the crop.
_OFFSET_GAIN = 30.0
_DIRECTION_GAIN = 2.0
_HIDDEN = 256
# Monomials of the direction's two sideways parts, up to the second degree.
_MONOMIALS = 6
# Least error, or nearly, for the detector's landmarks of 180 heads and with a localiser's of 800.
RIDGE = 10.0
FOLDS = 8
# Of fewer persons a regression without some of them says nothing of these.
FEWEST = 2 * FOLDS
# Root mean square offset, a share of the crop, beyond which the detector took something else for
# the face: nearly all are below half of it, and misdetections far above. They would rule the fit.
_FARTHEST = 0.08


@dataclass(frozen=True)
class FromLandmarks:
    """features: (B, outputs). differences: (B, points, 3) canonical, from the mean head."""

    features: Tensor
    differences: Tensor


class LandmarkEncoder(nn.Module):
    """Features of a head, and a suggested head, from landmarks seen from a known direction.

    template: (L, 3) the mean head's, canonical: the 68 that are detected, and after them those of a
    localiser where there is one. points: how many points of a head are
    suggested. outputs: how many features, and principal components of the heads. Per view a linear
    regression, zero before ``fit`` and frozen, plus one hidden layer that is trained; then the
    mean over the views whose landmarks are a face's.
    """

    def __init__(self, template: Tensor, image_px: int, outputs: int, points: int) -> None:
        super().__init__()
        self.register_buffer("template", template)
        self.template: Tensor
        self.image_px = image_px
        inputs = _MONOMIALS * 2 * len(template) + _MONOMIALS - 1
        self.register_buffer("weight", torch.zeros(outputs, inputs))
        self.register_buffer("bias", torch.zeros(outputs))
        self.register_buffer("basis", torch.zeros(points, 3, outputs))
        self.weight: Tensor
        self.bias: Tensor
        self.basis: Tensor
        # Regressions without an eighth of the persons each, for training alone.
        for name, shape in (("fold_weight", (outputs, inputs)), ("fold_bias", (outputs,))):
            self.register_buffer(name, torch.zeros(FOLDS, *shape), persistent=False)
        self.fold_weight: Tensor
        self.fold_bias: Tensor
        self.hidden = nn.Linear(inputs, _HIDDEN)
        self.last = nn.Linear(_HIDDEN, outputs)

    def forward(
        self, landmarks: Tensor, projection: Tensor, person: Tensor | None = None
    ) -> FromLandmarks:
        """Landmarks (B, N, L, 2) px in the crop and projection (B, N, 3, 4).

        person: (B,) of ``fit``, in training: the regression that did not see the person is used.
        At test it has not seen the person either, and in sample its errors are too small.

        Zeros for a head without landmarks in any view.
        """
        x, seen = self._inputs(landmarks, projection)
        learned = self.last(functional.relu(self.hidden(x)))
        if person is None:
            fitted = functional.linear(x, self.weight, self.bias)
        else:
            fold = person % FOLDS
            fitted = torch.einsum("bni,boi->bno", x, self.fold_weight[fold])
            fitted = fitted + self.fold_bias[fold, None]
        components, more = (
            mean_over_views(part[:, :, None], seen[:, :, None])[:, 0] for part in (fitted, learned)
        )
        return FromLandmarks(components + more, torch.einsum("bc,pkc->bpk", components, self.basis))

    def _inputs(self, landmarks: Tensor, projection: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, inputs) of every view, and whether any of its landmarks are a face's, (B, N) bool.

        The detected landmarks are believed or not as a whole, and so are the localiser's points
        after them: one of the two may have taken something else for the face.

        Offsets of the landmarks from the projected template's, each times every monomial of the
        camera's direction, and the monomials themselves.
        """
        usual, _ = project(self.template.expand(len(landmarks), -1, -1), projection)
        offset = (landmarks - usual) / self.image_px
        parts = [part for part in offset.tensor_split([LANDMARKS], dim=2) if part.shape[2]]
        believed = [part.square().sum(dim=-1).mean(dim=-1).sqrt() < _FARTHEST for part in parts]
        offset = torch.cat(
            [
                torch.where(one[..., None, None], part, torch.zeros_like(part))
                for one, part in zip(believed, parts, strict=True)
            ],
            dim=2,
        )
        seen = torch.stack(believed).any(dim=0)
        offset = _OFFSET_GAIN * offset.flatten(2)
        centre = -torch.linalg.solve(projection[..., :3], projection[..., 3])
        x, y, _ = (_DIRECTION_GAIN * functional.normalize(centre, dim=-1)).unbind(dim=-1)
        monomials = torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y], dim=-1)
        joint = (offset[..., None] * monomials[..., None, :]).flatten(2)
        return torch.cat([joint, monomials[..., 1:]], dim=-1), seen

    @torch.no_grad()
    def fit(
        self, landmarks: Tensor, projection: Tensor, head: Tensor, targets: Tensor, person: Tensor
    ) -> None:
        """Fit the regression to the principal components, of unit variance, of ``targets``.

        landmarks: (n, L, 2) px, projection: (n, 3, 4) and head: (n,) of n views; targets:
        (h, points, 3) canonical, of all heads; person: (n,) whose head it is, mirrored or not.
        Views without landmarks are left out; with fewer than two left the regression stays zero.
        With fewer than ``FEWEST`` persons, training takes the regression on all of them.
        """
        x, seen = self._inputs(landmarks[:, None], projection[:, None])
        x, head, person = x[seen].double(), head[seen[:, 0]], person[seen[:, 0]]
        shown, head = torch.unique(head, return_inverse=True)
        if len(shown) < 2:
            return
        shapes = targets[shown].flatten(1)
        shapes = shapes - shapes.mean(dim=0)
        outputs = min(len(self.bias), *shapes.shape)
        _, _, axes = torch.pca_lowrank(shapes, outputs, center=False)
        components = shapes @ axes
        scale = components.std(dim=0).clamp(min=1e-9)
        wanted = (components / scale).double()[head]
        weight, bias = ridge(x, wanted)
        self.weight[:outputs], self.bias[:outputs] = weight.float(), bias.float()
        self.basis[..., :outputs] = (axes * scale).unflatten(0, self.basis.shape[:2])
        few = len(torch.unique(person)) < FEWEST
        for fold in range(FOLDS):
            if not few:
                others = person % FOLDS != fold
                weight, bias = ridge(x[others], wanted[others])
            self.fold_weight[fold, :outputs] = weight.float()
            self.fold_bias[fold, :outputs] = bias.float()


def ridge(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Ridge regression, on inputs of unit variance: weight (outputs, inputs) and bias (outputs,).

    x: (n, inputs) and y: (n, outputs), float64.
    """
    mean, spread = x.mean(dim=0), x.std(dim=0).clamp(min=1e-9)
    scaled = (x - mean) / spread
    normal = scaled.T @ scaled + RIDGE * torch.eye(x.shape[1], dtype=x.dtype)
    weight = (torch.linalg.solve(normal, scaled.T @ (y - y.mean(dim=0))) / spread[:, None]).T
    return weight, y.mean(dim=0) - weight @ mean
