"""The landmark encoder: landmarks as numbers, beside the heatmaps that hold them as pictures.

It is of no paper. Maps of small networks have cells of 9 mm; a landmark's own coordinates are
exact. What they say of a head depends on where it is seen from (a nose tip off to the side is a
long nose in profile and a crooked one from the front), so they are taken together with the
direction. Their offsets vary by a pixel in some combinations and by a hundredth in others, which
gradient descent would find only slowly: a linear regression on them is fitted in closed form before
the training.

A camera that was estimated from the landmarks themselves has taken from them what it could explain,
the size of the head above all. What is left says something else than beside a given camera, so it
has regressions of its own.

A face from far to the side, above or below is detected badly and was learned from fewer views. How
much larger errors are there is measured on persons that a regression did not see: views count by
its inverse, and a head that is seen no better is drawn to the mean head (a Wiener filter).
"""

from dataclasses import dataclass

import torch
from scipy.optimize import nnls
from torch import Tensor, nn
from torch.nn import functional

from headwater.networks.fold_regressions import FEWEST, FOLDS, fold_regressions, out_of_fold
from headwater.networks.localiser.points import LANDMARKS
from headwater.networks.pixel_aligned import mean_over_views, project

# Landmarks differ from the mean head's by hundredths of the crop.
_OFFSET_GAIN = 30.0
_DIRECTION_GAIN = 2.0
_HIDDEN = 256
# Monomials of the direction's two sideways parts, up to the second degree.
_MONOMIALS = 6
# Penalties of the regressions for given and estimated cameras. In four folds of 383 persons in
# three views, 10, 30 and 100 give 0.463, 0.466 and 0.474 of the mean head's error from the front by
# given cameras; by estimated ones 30, 100 and 300 give 0.815, 0.816 and 0.823. The more, the nearer
# are heads of changed photos of a person: by estimated cameras 100 and 300 let a face of 61 px
# between the eyes move by 2.2 and 1.8 mm where it is blurred, and others half as far as 10.
RIDGE = (10.0, 300.0)
_POSE_DEGREES = 30.0
_LEAST_ERROR = 1e-3
MOST_VIEWS = 6
# Root mean square offset, a share of the crop, beyond which the detector took something else for
# the face: nearly all are below half of it, and misdetections far above. They would rule the fit.
_FARTHEST = 0.08


@dataclass(frozen=True)
class LandmarkViews:
    """Views that regressions are fitted to.

    landmarks: (n, L, 2) px. projection: (n, 3, 4); estimated: (n,) bool, from the landmarks.
    head: (n,), and person: (n,) whose head it is, mirrored or not.
    """

    landmarks: Tensor
    projection: Tensor
    estimated: Tensor
    head: Tensor
    person: Tensor


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
    is a regression on both and one on either alone, each for given cameras and for estimated ones.
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
        # Of every regression: the sources that it reads, and whether its cameras are estimated.
        self.register_buffer("sources", torch.tensor(2 * sources), persistent=False)
        cameras = [False, True]
        self.register_buffer(
            "of_estimated",
            torch.tensor([one for one in cameras for _ in sources]),
            persistent=False,
        )
        self.sources: Tensor
        self.of_estimated: Tensor
        self.register_buffer("weight", torch.zeros(2 * len(sources), outputs, inputs))
        self.register_buffer("bias", torch.zeros(2 * len(sources), outputs))
        self.register_buffer("basis", torch.zeros(points, 3, outputs))
        # Squared errors of each regression, of the heads' variance: from the front, and what each
        # of squared yaw and pitch adds, in units of ``_POSE_DEGREES``.
        self.register_buffer("errors", torch.zeros(2 * len(sources), 1 + 2))
        # By given and estimated cameras, of so many views' mean: noise that had each drawn to the
        # mean head is less in it.
        self.register_buffer("stretch", torch.ones(2, 1 + MOST_VIEWS))
        self.weight: Tensor
        self.bias: Tensor
        self.errors: Tensor
        self.stretch: Tensor
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
        self,
        landmarks: Tensor,
        projection: Tensor,
        estimated: Tensor,
        person: Tensor | None = None,
    ) -> FromLandmarks:
        """Landmarks (B, N, L, 2) px in the crop and projection (B, N, 3, 4).

        estimated: (B, N) bool, whether the projection was estimated from the landmarks. person:
        (B,) of ``fit``, in training: the regression that did not see the person is used. At test it
        has not seen the person either, and in sample its errors are too small.

        Zeros for a head without landmarks in any view.
        """
        x, believed = self._inputs(landmarks, projection)
        learned = self.last(functional.relu(self.hidden(x)))
        seen = believed.any(dim=-1)
        of_view = self._regression_of(believed, estimated)
        fitted = self._fitted(x, of_view, person)
        components = self._with_contact(self._fused(fitted, projection, of_view))
        more = mean_over_views(learned[:, :, None], seen[:, :, None])[:, 0]
        return FromLandmarks(components + more, torch.einsum("bc,pkc->bpk", components, self.basis))

    def _regression_of(self, believed: Tensor, estimated: Tensor) -> Tensor:
        """(B, N, S), one for the regression that each view is of, zeros without a face.

        believed: (B, N, 1 or 2) bool, of its sources; estimated: (B, N) bool.
        """
        read = (believed[:, :, None] == self.sources).all(dim=-1)
        return (read & (estimated[:, :, None] == self.of_estimated)).float()

    def _fitted(self, x: Tensor, of_view: Tensor, person: Tensor | None) -> Tensor:
        """Components (B, N, outputs) of every view by its regression.

        x: (B, N, inputs); person: (B,) as in ``forward``.
        """
        if person is None:
            every = torch.einsum("bni,soi->bnso", x, self.weight) + self.bias
            return torch.einsum("bnso,bns->bno", every, of_view)
        fitted = x.new_zeros(*x.shape[:2], self.bias.shape[1])
        # One fold after the other: weights of every head would be a gigabyte of copies.
        for fold, (weight, bias) in enumerate(zip(self.fold_weight, self.fold_bias, strict=True)):
            every = torch.einsum("bni,soi->bnso", x, weight) + bias
            own = torch.einsum("bnso,bns->bno", every, of_view)
            fitted = torch.where((person % FOLDS == fold)[:, None, None], own, fitted)
        return fitted

    def _fused(self, fitted: Tensor, projection: Tensor, of_view: Tensor) -> Tensor:
        """Components (B, outputs) from those of every view (B, N, outputs).

        of_view: as ``_regression_of`` has it.
        """
        poses = torch.cat([torch.ones_like(projection[..., :1, 0]), _pose(projection)], dim=-1)
        frontal, more = (
            torch.einsum("bns,sk,bnk->bn", of_view, self.errors[:, part], poses[..., part])
            for part in (slice(1), slice(1, None))
        )
        weights = of_view.sum(dim=-1) / (frontal + more).clamp(min=_LEAST_ERROR)
        shares = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-9)
        mean = torch.einsum("bn,bno->bo", shares, fitted)
        count = of_view.sum(dim=(1, 2)).long().clamp(max=self.stretch.shape[1] - 1)
        by_estimated = (of_view.sum(dim=1) @ self.of_estimated.to(of_view) > 0).long()
        stretch = self.stretch[by_estimated, count]
        return mean * (stretch / (1 + (shares * more).sum(dim=1)))[:, None]

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
        x, y, _ = (_DIRECTION_GAIN * _direction(projection)).unbind(dim=-1)
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
    def fit(self, views: LandmarkViews, targets: Tensor, heights: Tensor) -> None:
        """Fit the regressions to the principal components, of unit variance, of ``targets``.

        targets: (h, points, 3) canonical, of all heads; heights: (points,) the share of each
        point's y in the height of the upper above the lower lip.
        Views without landmarks are left out; with fewer than two left a regression stays zero, and
        one of estimated cameras is that of given ones. With fewer than ``FEWEST`` persons, training
        takes the regression on all of them.
        """
        x, believed = (
            part[:, 0] for part in self._inputs(views.landmarks[:, None], views.projection[:, None])
        )
        seen = believed.any(dim=-1)
        x, believed, estimated = x[seen].double(), believed[seen], views.estimated[seen]
        shown, head = torch.unique(views.head[seen], return_inverse=True)
        person = views.person[seen]
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
        errors, poses = [wanted[:0]], _pose(views.projection[seen])
        given = len(self.sources) // 2
        for number, sources in enumerate(self.sources):
            rows, columns = (believed | ~sources).all(dim=-1), self._columns(sources)
            rows &= estimated == self.of_estimated[number]
            if rows.sum() < 2:
                if number >= given:
                    self._copy(number - given, number)
                continue
            place = (number, slice(outputs))
            of = (x[rows][:, columns], wanted[rows], person[rows])
            penalty = RIDGE[int(self.of_estimated[number])]
            whole, folds = fold_regressions(*of, penalty)
            self.weight[place][:, columns], self.bias[place] = whole
            for fold, (weight, bias) in enumerate(folds):
                self.fold_weight[fold][place][:, columns] = weight
                self.fold_bias[fold][place] = bias
            missed = out_of_fold(*of, folds)
            # Components count by the variance that they are of.
            squares = missed.square() @ (scale.square() / scale.square().sum()).double()
            self.errors[number] = errors_by_pose(squares, poses[rows])
            if number < given:
                errors.append(missed)
        self._fit_contact(torch.cat(errors), targets[shown][:, :, 1] @ heights, heights)
        if len(torch.unique(person)) >= FEWEST:
            weighted = torch.zeros(len(targets), self.bias.shape[1])
            weighted[shown, :outputs] = components / scale
            self._fit_stretch(views, weighted, seen)

    def _fit_stretch(self, views: LandmarkViews, components: Tensor, seen: Tensor) -> None:
        """Factors of least squared error for means of views of heads that folds did not see.

        components: (h, outputs) true ones. seen: (n,) bool, views that show a face. Relative to
        that of one view, and for more views than ``FEWEST`` heads have as for as many as these
        have.
        """
        variance = self.basis.square().sum(dim=(0, 1))
        for estimated in (False, True):
            rows = torch.nonzero(seen & (views.estimated == estimated))[:, 0]
            order = rows[torch.argsort(views.head[rows], stable=True)]
            heads, counts = torch.unique_consecutive(views.head[order], return_counts=True)
            first = counts.cumsum(0) - counts
            slopes: list[Tensor] = []
            for count in range(1, MOST_VIEWS + 1):
                enough = counts >= count
                if enough.sum() < FEWEST:
                    break
                sets = order[first[enough, None] + torch.arange(count)]
                told = self._of_sets(views, sets)
                true = components[heads[enough]]
                slopes.append((variance * told * true).sum() / (variance * told * told).sum())
            # Of regressions that tell nothing of others slopes have any value and sign.
            for count in range(1, MOST_VIEWS + 1) if slopes and slopes[0] > 0 else ():
                slope = slopes[min(count, len(slopes)) - 1]
                # Independent noise asks for no less than 1, and no more than the number of views.
                self.stretch[int(estimated), count] = (slope / slopes[0]).clamp(1, count)

    def _of_sets(self, views: LandmarkViews, rows: Tensor) -> Tensor:
        """Components (B, outputs) of sets of views, rows (B, N), by folds without the person."""
        projection = views.projection[rows]
        x, believed = self._inputs(views.landmarks[rows], projection)
        of_view = self._regression_of(believed, views.estimated[rows])
        return self._fused(self._fitted(x, of_view, views.person[rows[:, 0]]), projection, of_view)

    def _copy(self, number: int, to: int) -> None:
        """Let one regression stand for another one."""
        for every in (self.weight, self.bias, self.errors):
            every[to] = every[number]
        for fold in (self.fold_weight, self.fold_bias):
            fold[:, to] = fold[:, number]

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


def _direction(projection: Tensor) -> Tensor:
    """Unit vectors (..., 3), canonical axes, to the cameras of projections (..., 3, 4)."""
    centre = -torch.linalg.solve(projection[..., :3], projection[..., 3])
    return functional.normalize(centre, dim=-1)


def _pose(projection: Tensor) -> Tensor:
    """Squared yaw and pitch (..., 2) of the cameras, in units of ``_POSE_DEGREES``."""
    x, y, z = _direction(projection).unbind(dim=-1)
    angles = torch.stack([torch.atan2(x, z), torch.asin(y.clamp(-1.0, 1.0))], dim=-1)
    return (torch.rad2deg(angles) / _POSE_DEGREES).square()


def errors_by_pose(squares: Tensor, pose: Tensor) -> Tensor:
    """Coefficients (3,) of 1, squared yaw and squared pitch that add up to squared errors.

    squares: (n,); pose: (n, 2). Least squares, none of them negative.
    """
    ones = torch.ones(len(pose), 1, dtype=torch.float64)
    design = torch.cat([ones, pose.double()], dim=1)
    found, _ = nnls(design.numpy(), squares.numpy())
    return torch.from_numpy(found).float()


def _root_mean_square(offset: Tensor) -> Tensor:
    """Root mean square length of offsets (B, N, L, 2) over those that are finite; NaN of none."""
    squares = offset.square().sum(dim=-1)
    seen = squares.isfinite()
    share = squares.shape[-1] / seen.sum(dim=-1)
    mean = torch.where(seen, squares, torch.zeros_like(squares)).mean(dim=-1)
    return (mean * share).sqrt()
