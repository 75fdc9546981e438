"""The most probable head given its maps, which are read at anchors, with normal errors.

A head is x(a) = mean + sum_j a_j B_j with a standard normal a: principal components of the training
heads, and a small rotation and translation. The maps of a view have anchor k at y_k = (px, py,
depth): y = h(x(a)) + M a + e, with h the projection and e a normal error of all anchors jointly. M
and the mean and covariance of e are measured on views of known heads. M is there because predicted
maps are biased towards those of the mean head, and because a camera that was fitted to the mean
head errs with the head's difference from it. Depths are relative to the middle of the maps' range,
as an image does not tell the head's distance. Gauss-Newton finds the most probable head; without
evidence it is the mean head. The weight of a view whose residuals are larger than its covariance
predicts is reduced by their ratio.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial import cKDTree

from headwater.data.canonical import UNIT_MM, to_canonical
from headwater.data.face_codes import FaceCut
from headwater.data.face_maps import Maps
from headwater.data.placement import SPREAD
from headwater.data.scenes import FloatArray

Points = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]

NEAREST: Final = 6
# Largest distance of a seen anchor from the nearest code of a pixel, in widths of a pixel.
SEEN_PX: Final = 2.0
ITERATIONS: Final = 4
# Share by which correlations of errors are shrunk towards 0.
SHRINKAGE: Final = 0.1
# Standard deviation of anchors that fewer than ``FEWEST`` views show, and the least of any.
ASSUMED_MM: Final = 10.0
LEAST_MM: Final = 0.1
FEWEST: Final = 20
# Pseudo-count of views without a slope, which shrinks slopes towards 0.
WITHOUT_SLOPE: Final = 30


@dataclass(frozen=True)
class Prior:
    """Heads as mean (V, 3) and components (c, V, 3) of one standard deviation, float32, mm."""

    mean: FloatArray
    components: FloatArray


@dataclass(frozen=True)
class Noise:
    """Errors, mm, of m anchors read off maps: first with given cameras, then with estimated ones.

    All float32. mean: (2, 3 m). slope: (2, 3 m, c), change per component of the head (M).
    covariance: (2, 3 m, 3 m), of the remaining error. Estimated cameras have other errors, as they
    err in the head's size.
    """

    mean: FloatArray
    slope: FloatArray
    covariance: FloatArray


@dataclass(frozen=True)
class Reading:
    """m anchors read off the maps of one view.

    places: (m, 3), px, px and depth in mm behind ``middle_mm``; NaN of anchors that are not seen.
    projection: (3, 4), canonical units to px. mm: length of a pixel at the head's depth. middle_mm:
    middle of the maps' depth range, mm from the camera. estimated: whether the camera is estimated.
    """

    places: Float64Array
    projection: Float64Array
    mm: float
    middle_mm: float
    estimated: bool

    @property
    def units(self) -> Float64Array:
        """Factors (3,) from ``places`` to mm."""
        return np.array([self.mm, self.mm, 1.0])


def head_prior(heads_mm: Points, components: int) -> Prior:
    """Mean and at most ``components`` principal components of aligned heads (h, V, 3), mm."""
    flat = np.asarray(heads_mm, np.float64).reshape(len(heads_mm), -1)
    mean = flat.mean(axis=0)
    variances, shares = np.linalg.eigh((flat - mean) @ (flat - mean).T / len(flat))
    order = np.argsort(variances)[::-1][:components]
    order = order[variances[order] > 1e-6 * max(variances[-1], 1e-30)]
    directions = shares[:, order].T @ (flat - mean)
    basis = directions / np.sqrt(len(flat))
    shape = (-1, *np.shape(heads_mm)[1:])
    return Prior(
        mean.reshape(shape[1:]).astype(np.float32), basis.reshape(shape).astype(np.float32)
    )


def read_anchors(
    maps: Maps, depth_mm: Points, cut: FaceCut, anchors: NDArray[np.intp], mm: float
) -> Float64Array:
    """Places (m, 3) of the cut's ``anchors`` in maps: px, px and depth in mm; NaN where not seen.

    Each is the mean of the ``NEAREST`` pixels in code, weighted by inverse squared distance.
    depth_mm: (S, S). mm: length of a pixel at the head's depth.
    """
    wanted = cut.mean[anchors]
    places = np.full((len(anchors), 3), np.nan)
    rows, columns = np.nonzero(maps.mask)
    if len(rows) < NEAREST:
        return places
    tree = cKDTree(cut.decoded(maps.codes[maps.mask]))
    distance, nearest = tree.query(wanted, NEAREST)
    seen = distance[:, 0] < SEEN_PX * mm
    weight = 1.0 / (distance**2 + (mm / 2) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    pixels = np.column_stack([columns + 0.5, rows + 0.5, depth_mm[maps.mask]])
    places[seen] = np.einsum("mk,mkc->mc", weight, pixels[nearest])[seen]
    return places


def latents_of(prior: Prior, heads_mm: Points) -> Float64Array:
    """Components (h, c) of heads (h, V, 3), mm, aligned as the prior's, in standard deviations."""
    basis = prior.components.reshape(-1, prior.mean.size).astype(np.float64)
    off = np.asarray(heads_mm, np.float64) - prior.mean
    return np.asarray(off.reshape(len(off), -1) @ basis.T / np.square(basis).sum(axis=1))


def measured_noise(
    errors_mm: Points,
    latents: Points,
    held_out: NDArray[np.bool_],
    estimated: NDArray[np.bool_],
) -> Noise:
    """Moments of the errors (n, m, 3), mm, of anchors in n views; NaN where an anchor is not seen.

    latents: (n, c), components of the views' heads. held_out: (n,), views on which the network was
    not trained; the covariance of all is scaled to the size of their errors. estimated: (n,), views
    with estimated cameras. Of a kind of camera with fewer than ``FEWEST`` views all views are used.
    """
    kinds = [
        rows if np.count_nonzero(rows) >= FEWEST else np.ones_like(rows)
        for rows in (~estimated, estimated)
    ]
    moments = [_moments(errors_mm[rows], latents[rows], held_out[rows]) for rows in kinds]
    return Noise(*(np.stack(one).astype(np.float32) for one in zip(*moments, strict=True)))


def _moments(
    errors_mm: Points, latents: Points, held_out: NDArray[np.bool_]
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Mean (3 m,), slope (3 m, c) and covariance (3 m, 3 m) of errors (n, m, 3)."""
    flat = np.asarray(errors_mm, np.float64).reshape(len(errors_mm), -1)
    known = np.isfinite(flat)
    counts = known.sum(axis=0)
    common = counts >= FEWEST
    mean = np.where(common, np.where(known, flat, 0.0).sum(axis=0) / np.maximum(counts, 1), 0.0)
    off = np.where(known & common, flat - mean, 0.0)
    slope = off.T @ latents / (counts[:, None] + WITHOUT_SLOPE)
    off = np.where(known & common, off - latents @ slope.T, 0.0)
    squares = np.square(off).sum(axis=0)
    # Products with unseen anchors are 0, which keeps the matrix positive semidefinite.
    unit = off / np.sqrt(np.maximum(squares, 1e-30))
    correlation = (1.0 - SHRINKAGE) * unit.T @ unit
    correlation[np.diag_indices_from(correlation)] = 1.0
    deviations = np.where(common, np.sqrt(squares / np.maximum(counts, 1)), ASSUMED_MM)
    deviations = np.maximum(deviations, LEAST_MM)
    covariance = correlation * np.outer(deviations, deviations)
    seen = known & common
    if seen[held_out].any() and seen[~held_out].any():
        there, elsewhere = (
            np.square(off[rows])[seen[rows]].mean() for rows in (held_out, ~held_out)
        )
        covariance *= max(1.0, float(there / max(elsewhere, 1e-30)))
    return mean, slope, covariance


def most_probable(
    prior: Prior,
    noise: Noise,
    readings: Sequence[Reading],
    rows: NDArray[np.intp],
    origin_mm: FloatArray,
) -> FloatArray:
    """Vertices (V, 3), mm in the template's frame, of the most probable head given all readings.

    rows: (m,), the anchors' numbers among the vertices. origin_mm: (3,), origin of canonical units.
    """
    mean = prior.mean[rows].astype(np.float64)
    basis = np.concatenate(
        [prior.components[:, rows].astype(np.float64), _motions(mean, mean.mean(axis=0))]
    )
    latent, modes = np.zeros(len(basis)), len(prior.components)
    for _ in range(ITERATIONS):
        anchors = mean + np.tensordot(latent, basis, 1)
        curvature, pull = np.eye(len(latent)), np.zeros(len(latent))
        for reading in readings:
            seen = np.isfinite(reading.places[:, 0])
            if not seen.any():
                continue
            place, slope = _seen(reading, anchors[seen], basis[:, seen], origin_mm)
            flat, kind = np.repeat(seen, 3), int(reading.estimated)
            target = (reading.places[seen] * reading.units - place).ravel() + slope @ latent
            target -= noise.mean[kind][flat]
            slope[:, :modes] += noise.slope[kind][flat]
            factors = cho_factor(noise.covariance[kind][np.ix_(flat, flat)].astype(np.float64))
            left = target - slope @ latent
            excess = float(left @ cho_solve(factors, left)) / len(left)
            weighed = cho_solve(factors, slope) / max(1.0, excess)
            curvature += slope.T @ weighed
            pull += weighed.T @ target
        latent = np.linalg.solve(curvature, pull)
    whole = prior.mean.astype(np.float64)
    head = whole + np.tensordot(latent[:modes], prior.components.astype(np.float64), 1)
    head += np.tensordot(latent[modes:], _motions(whole, mean.mean(axis=0)), 1)
    return head.astype(np.float32)


def _motions(points: Float64Array, centre: Float64Array) -> Float64Array:
    """Displacements (6, n, 3), mm, of points by rotations about and translations along the axes.

    Each is of one standard deviation (``SPREAD``).
    """
    turns = [np.cross(axis, points - centre) * np.deg2rad(SPREAD.degrees) for axis in np.eye(3)]
    shifts = [np.broadcast_to(axis * SPREAD.shift_mm, points.shape) for axis in np.eye(3)]
    return np.stack([*turns, *shifts])


def _seen(
    reading: Reading, anchors_mm: Float64Array, basis_mm: Float64Array, origin_mm: FloatArray
) -> tuple[Float64Array, Float64Array]:
    """Places (m, 3), mm, where a view sees anchors (m, 3), and their derivatives (3 m, latents)."""
    matrix = reading.projection
    seen = to_canonical(anchors_mm, origin_mm).astype(np.float64) @ matrix[:, :3].T + matrix[:, 3]
    depth = seen[:, 2:]
    pixels = seen[:, :2] / depth
    moved = basis_mm / UNIT_MM @ matrix[:, :3].T
    slope = (moved[..., :2] - pixels * moved[..., 2:]) / depth
    slopes = np.concatenate([slope, moved[..., 2:] * UNIT_MM], axis=2) * reading.units
    behind = depth * UNIT_MM - reading.middle_mm
    place = np.concatenate([pixels, behind], axis=1) * reading.units
    return place, slopes.reshape(len(basis_mm), -1).T
