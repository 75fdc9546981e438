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
# Of 3, 8, 12, 16, 30 and 100 the more, the nearer are heads of changed photos of a person; but the
# nearer are those of different people, too.
RIDGE = 10.0
FOLDS = 8
# Of fewer persons a regression without some of them says nothing of these.
FEWEST = 2 * FOLDS
# Root mean square offset, a share of the crop, beyond which the detector took something else for
# the face: nearly all are below half of it, and misdetections far above. They would rule the fit.
_FARTHEST = 0.08


# Weight (outputs, inputs) and bias (outputs,).
Regression = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class FromLandmarks:
    """features: (B, outputs). differences: (B, points, 3) canonical, from the mean head."""

    features: Tensor
    differences: Tensor


class LandmarkEncoder(nn.Module):
    """Features of a head, and a suggested head, from landmarks seen from a known direction.

    template: (L, 3) the mean head's, canonical: the 68 that are detected, and after them those of a
    localiser where there is one. points: how many points of a head are suggested. outputs: how many
    features, and principal components of the heads. Per view a linear regression, zero before
    ``fit`` and frozen, plus one hidden layer that is trained; then the mean over the views whose
    landmarks are a face's. Detector and localiser may each take something else for the face: there
    is a regression on both and one on either alone.
    """

    def __init__(self, template: Tensor, image_px: int, outputs: int, points: int) -> None:
        super().__init__()
        self.register_buffer("template", template)
        self.template: Tensor
        self.image_px = image_px
        inputs = _MONOMIALS * 2 * len(template) + _MONOMIALS - 1
        sources = (
            [[True]] if len(template) == LANDMARKS else [[True, True], [True, False], [False, True]]
        )
        self.register_buffer("sources", torch.tensor(sources), persistent=False)
        self.sources: Tensor
        self.register_buffer("weight", torch.zeros(len(sources), outputs, inputs))
        self.register_buffer("bias", torch.zeros(len(sources), outputs))
        self.register_buffer("basis", torch.zeros(points, 3, outputs))
        self.weight: Tensor
        self.bias: Tensor
        self.basis: Tensor
        # Contact of the lips: the mean head's height above it, its change by the components, and
        # the likeliest components that part them by one unit.
        self.register_buffer("parted", torch.zeros(()))
        self.register_buffer("parting", torch.zeros(outputs))
        self.register_buffer("opening", torch.zeros(outputs))
        self.parted: Tensor
        self.parting: Tensor
        self.opening: Tensor
        # Regressions without an eighth of the persons each, for training alone.
        for name, whole in (("fold_weight", self.weight), ("fold_bias", self.bias)):
            self.register_buffer(name, torch.zeros(FOLDS, *whole.shape), persistent=False)
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
        x, believed = self._inputs(landmarks, projection)
        learned = self.last(functional.relu(self.hidden(x)))
        if person is None:
            every = torch.einsum("bni,soi->bnso", x, self.weight) + self.bias
        else:
            fold = person % FOLDS
            every = torch.einsum("bni,bsoi->bnso", x, self.fold_weight[fold])
            every = every + self.fold_bias[fold, None]
        of_view = (believed[:, :, None] == self.sources).all(dim=-1).to(every.dtype)
        fitted = torch.einsum("bnso,bns->bno", every, of_view)
        seen = believed.any(dim=-1)
        components, more = (
            mean_over_views(part[:, :, None], seen[:, :, None])[:, 0] for part in (fitted, learned)
        )
        components = self._with_contact(components)
        return FromLandmarks(components + more, torch.einsum("bc,pkc->bpk", components, self.basis))

    def _with_contact(self, components: Tensor) -> Tensor:
        """Components (B, outputs) of heads whose lips touch where they would overlap.

        A regression knows of no contact. That there is no overlap is taken for an observation, and
        the components change as the regression's errors say (Kalman's gain).
        """
        overlap = functional.relu(-(self.parted + components @ self.parting))
        return components + overlap[:, None] * self.opening

    def _inputs(self, landmarks: Tensor, projection: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, inputs) of every view, and which of its sources are a face's, (B, N, 1 or 2) bool.

        The sources are the detected landmarks and the localiser's points after them. Inputs are the
        offsets of the landmarks from the projected template's, each times every monomial of the
        camera's direction, and the monomials; offsets of what is no face's, and of landmarks that
        are not seen (NaN), are zero.
        """
        usual, _ = project(self.template.expand(len(landmarks), -1, -1), projection)
        offset = (landmarks - usual) / self.image_px
        parts = [part for part in offset.tensor_split([LANDMARKS], dim=2) if part.shape[2]]
        believed = [_root_mean_square(part) < _FARTHEST for part in parts]
        offset = torch.cat(
            [
                torch.where(one[..., None, None] & part.isfinite(), part, torch.zeros_like(part))
                for one, part in zip(believed, parts, strict=True)
            ],
            dim=2,
        )
        offset = _OFFSET_GAIN * offset.flatten(2)
        centre = -torch.linalg.solve(projection[..., :3], projection[..., 3])
        x, y, _ = (_DIRECTION_GAIN * functional.normalize(centre, dim=-1)).unbind(dim=-1)
        monomials = torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y], dim=-1)
        joint = (offset[..., None] * monomials[..., None, :]).flatten(2)
        return torch.cat([joint, monomials[..., 1:]], dim=-1), torch.stack(believed, dim=-1)

    def _columns(self, sources: Tensor) -> Tensor:
        """(inputs,) bool: the inputs of some sources, (1 or 2,) bool, and of the direction."""
        counts = [LANDMARKS, len(self.template) - LANDMARKS][: len(sources)]
        per_point = torch.tensor([2 * _MONOMIALS * count for count in counts])
        known = sources.cpu().repeat_interleave(per_point)
        return torch.cat([known, torch.ones(_MONOMIALS - 1, dtype=torch.bool)])

    @torch.no_grad()
    def fit(
        self,
        landmarks: Tensor,
        projection: Tensor,
        head: Tensor,
        targets: Tensor,
        person: Tensor,
        heights: Tensor,
    ) -> None:
        """Fit the regressions to the principal components, of unit variance, of ``targets``.

        landmarks: (n, L, 2) px, projection: (n, 3, 4) and head: (n,) of n views; targets:
        (h, points, 3) canonical, of all heads; person: (n,) whose head it is, mirrored or not;
        heights: (points,) the share of each point's y in the height of the upper above the lower
        lip.
        Views without landmarks are left out; with fewer than two left a regression stays zero.
        With fewer than ``FEWEST`` persons, training takes the regression on all of them.
        """
        x, believed = (part[:, 0] for part in self._inputs(landmarks[:, None], projection[:, None]))
        seen = believed.any(dim=-1)
        x, head, person, believed = x[seen].double(), head[seen], person[seen], believed[seen]
        shown, head = torch.unique(head, return_inverse=True)
        if len(shown) < 2:
            return
        shapes = targets[shown].flatten(1)
        shapes = shapes - shapes.mean(dim=0)
        outputs = min(self.bias.shape[1], *shapes.shape)
        _, _, axes = torch.pca_lowrank(shapes, outputs, center=False)
        components = shapes @ axes
        scale = components.std(dim=0).clamp(min=1e-9)
        wanted = (components / scale).double()[head]
        self.basis[..., :outputs] = (axes * scale).unflatten(0, self.basis.shape[:2])
        errors = [wanted[:0]]
        for number, sources in enumerate(self.sources):
            rows, columns = (believed | ~sources).all(dim=-1), self._columns(sources)
            if rows.sum() < 2:
                continue
            place = (number, slice(outputs))
            of = (x[rows][:, columns], wanted[rows], person[rows])
            (self.weight[place][:, columns], self.bias[place]), folds = fold_regressions(*of)
            for fold, (weight, bias) in enumerate(folds):
                self.fold_weight[fold][place][:, columns] = weight
                self.fold_bias[fold][place] = bias
            errors.append(out_of_fold(*of, folds))
        self._fit_contact(torch.cat(errors), targets[shown][:, :, 1] @ heights, heights)

    def _fit_contact(self, errors: Tensor, apart: Tensor, heights: Tensor) -> None:
        """errors: (m, outputs) float64, of the regressions; apart: (h,) of the heads' lips."""
        # Landmarks of lips that touch may lie one below the other on some head model.
        self.parted = apart.mean() - apart.min().clamp(max=0.0)
        self.parting = heights @ self.basis[:, 1]
        parting = self.parting[: errors.shape[1]].double()
        likely = errors.T @ (errors @ parting)
        parts = likely @ parting
        if parts > 0:
            self.opening[: len(likely)] = (likely / parts).float()


def _root_mean_square(offset: Tensor) -> Tensor:
    """Root mean square length of offsets (B, N, L, 2) over those that are finite; NaN of none."""
    squares = offset.square().sum(dim=-1)
    seen = squares.isfinite()
    share = squares.shape[-1] / seen.sum(dim=-1)
    mean = torch.where(seen, squares, torch.zeros_like(squares)).mean(dim=-1)
    return (mean * share).sqrt()


def fold_regressions(x: Tensor, y: Tensor, person: Tensor) -> tuple[Regression, list[Regression]]:
    """Regression on all rows, and for each fold that on the rows of all others' persons, float32.

    x: (n, inputs) and y: (n, outputs), float64. person: (n,). With fewer than ``FEWEST`` persons
    every fold has the regression on all.
    """
    whole = _single(ridge(x, y))
    if len(torch.unique(person)) < FEWEST:
        return whole, [whole] * FOLDS
    others = [person % FOLDS != fold for fold in range(FOLDS)]
    return whole, [_single(ridge(x[rows], y[rows])) for rows in others]


def out_of_fold(x: Tensor, y: Tensor, person: Tensor, folds: list[Regression]) -> Tensor:
    """Errors (n, outputs) float64 of each row's regression of ``fold_regressions`` without it."""
    errors = torch.zeros_like(y)
    for fold, (weight, bias) in enumerate(folds):
        rows = person % FOLDS == fold
        errors[rows] = y[rows] - functional.linear(x[rows], weight.double(), bias.double())
    return errors


def _single(regression: Regression) -> Regression:
    weight, bias = regression
    return weight.float(), bias.float()


def ridge(x: Tensor, y: Tensor) -> Regression:
    """Ridge regression, on inputs of unit variance: weight (outputs, inputs) and bias (outputs,).

    x: (n, inputs) and y: (n, outputs), float64.
    """
    mean, spread = x.mean(dim=0), x.std(dim=0).clamp(min=1e-9)
    scaled = (x - mean) / spread
    normal = scaled.T @ scaled + RIDGE * torch.eye(x.shape[1], dtype=x.dtype)
    weight = (torch.linalg.solve(normal, scaled.T @ (y - y.mean(dim=0))) / spread[:, None]).T
    return weight, y.mean(dim=0) - weight @ mean
