"""Mean distance f_ave from every anchor to the points of a set, and its gradient, in two ways.

Directly, over all pairs of anchor and point; or by a particle mesh: every point is spread over the
16 pixels around it (cubic weights), and f_ave is the convolution of that image with |x|.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from headwater.systems.prdl.point_search import Anchors, PointSets

# A point nearer to an anchor than this pulls it in no direction.
NO_DIRECTION_PX: Final = 1e-6
# Pairs of anchor and point, and sets of a mesh, that are computed at a time: they bound the memory.
_PAIRS: Final = {"cpu": 1 << 18, "cuda": 1 << 26}
_MESHES: Final = {"cpu": 4, "cuda": 256}


def direct_means(sets: PointSets, shares: Tensor, anchors: Anchors) -> Tensor:
    """f_ave (S, A) px of points that count ``shares`` (N,), which sum to 1 in each set.

    Exact up to rounding, from all pairs.
    """
    places = anchors.points(sets.points)
    pairs = zip(sets.points.split(sets.sizes), shares.split(sets.sizes), strict=True)
    return torch.stack([_means(points, of, places) for points, of in pairs])


def direct_pull(sets: PointSets, shares: Tensor, anchors: Anchors, weights: Tensor) -> Tensor:
    """Gradient (N, 2), by the points, of the sum over anchors of ``weights`` (S, A) times f_ave."""
    places = anchors.points(sets.points)
    pairs = zip(sets.points.split(sets.sizes), weights, strict=True)
    pull = torch.cat([_pull(points, row, places) for points, row in pairs])
    return pull * shares[:, None]


def mesh_means(sets: PointSets, shares: Tensor, anchors: Anchors) -> Tensor:
    """f_ave (S, A) px as by ``direct_means``, from the particle mesh.

    Points beyond the centres of the outermost pixels are summed directly. The image has 4 x 4
    pixels or more.
    """
    inside = _inside(sets.points, anchors)
    image = sets.points.new_zeros(len(sets.sizes), anchors.height, anchors.width)
    counted = torch.where(inside, shares, 0)
    for pixel, weight, _, _ in _pixels_around(sets, anchors):
        image.view(-1).index_add_(0, pixel, weight.mul_(counted))
    means = anchors.view(convolved(image)).flatten(1)
    for number, rows in _outside(sets, inside):
        means[number] += _means(sets.points[rows], shares[rows], anchors.points(image))
    return means


def mesh_pull(sets: PointSets, shares: Tensor, anchors: Anchors, weights: Tensor) -> Tensor:
    """Gradient (N, 2) as by ``direct_pull``, from the particle mesh: that of ``mesh_means``."""
    image = weights.new_zeros(len(weights), anchors.height, anchors.width)
    anchors.view(image).copy_(weights.view(-1, anchors.rows, anchors.columns))
    potential = convolved(image).view(-1)
    pull = torch.zeros_like(sets.points.T)
    for pixel, _, by_x, by_y in _pixels_around(sets, anchors):
        value = potential.index_select(0, pixel)
        pull[0].addcmul_(value, by_x)
        pull[1].addcmul_(value, by_y)
    pull = pull.T
    for number, rows in _outside(sets, _inside(sets.points, anchors)):
        pull[rows] = _pull(sets.points[rows], weights[number], anchors.points(pull))
    return pull * shares[:, None]


def _means(points: Tensor, shares: Tensor, places: Tensor) -> Tensor:
    """Weighted sums (A,) of the distances from places (A, 2) to points (n, 2)."""
    blocks = places.split(_block(points))
    return torch.cat([(_offsets(block, points)[2] * shares).sum(dim=1) for block in blocks])


def _pull(points: Tensor, weights: Tensor, places: Tensor) -> Tensor:
    """Gradient (n, 2) of the sum over places (A, 2) of weights (A,) times their distances."""
    size, pull = _block(points), torch.zeros_like(points)
    for block, row in zip(places.split(size), weights.split(size), strict=True):
        dx, dy, distance = _offsets(block, points)
        push = torch.where(distance < NO_DIRECTION_PX, 0, row[:, None] / distance)
        pull[:, 0] += dx.mul_(push).sum(dim=0)
        pull[:, 1] += dy.mul_(push).sum(dim=0)
    return pull


def _offsets(places: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Offsets of points from places in x and in y, and their lengths, (a, n) each."""
    dx = points[:, 0] - places[:, :1]
    dy = points[:, 1] - places[:, 1:]
    return dx, dy, (dx * dx).addcmul_(dy, dy).sqrt_()


def _block(points: Tensor) -> int:
    return max(1, _PAIRS.get(points.device.type, _PAIRS["cpu"]) // len(points))


def _inside(points: Tensor, anchors: Anchors) -> Tensor:
    last = points.new_tensor([anchors.width - 0.5, anchors.height - 0.5])
    return ((points >= 0.5) & (points <= last)).all(dim=1)


def _outside(sets: PointSets, inside: Tensor) -> Iterator[tuple[int, Tensor]]:
    """The rows of each set's points that are not inside, where there are any."""
    rows = torch.nonzero(~inside).flatten()
    if len(rows):
        counts = torch.bincount(sets.member[rows], minlength=len(sets.sizes)).tolist()
        for number, some in enumerate(rows.split(counts)):
            if len(some):
                yield number, some


def _pixels_around(
    sets: PointSets, anchors: Anchors
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """The 16 pixels around each point: flat index, weight, and its derivatives by x and by y."""
    last = torch.tensor([[anchors.width - 3], [anchors.height - 3]], device=sets.points.device)
    places = sets.points.T - 0.5
    cells = torch.minimum(places.floor().long().clamp_(min=1), last)
    (column, row), (x, y) = cells, places - cells
    first = (sets.member * anchors.height + row - 1) * anchors.width + column - 1
    across, down = _cubic(x), _cubic(y)
    for i, (of_row, by_row) in enumerate(zip(*down, strict=True)):
        for j, (of_column, by_column) in enumerate(zip(*across, strict=True)):
            pixel = first + (i * anchors.width + j)
            yield pixel, of_row * of_column, of_row * by_column, by_row * of_column


def _cubic(t: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Lagrange weights (N,) of the lattice points -1, 0, 1 and 2 at t (N,), and derivatives."""
    weights = [
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    ]
    squared = t * t
    derivatives = [
        -(3 * squared - 6 * t + 2) / 6,
        (3 * squared - 4 * t - 1) / 2,
        -(3 * squared - 2 * t - 2) / 2,
        (3 * squared - 1) / 6,
    ]
    return weights, derivatives


def convolved(images: Tensor) -> Tensor:
    """Convolutions (S, H, W) with the distance |x| px of images (S, H, W), zero beyond edges."""
    height, width = images.shape[1:]
    size = (_padded(height), _padded(width))
    spectrum = _distance_spectrum(*size, images.dtype, images.device)
    fields = torch.empty_like(images)
    limit = _MESHES.get(images.device.type, _MESHES["cpu"])
    for some, field in zip(images.split(limit), fields.split(limit), strict=True):
        padded = torch.fft.irfft2(torch.fft.rfft2(some, s=size).mul_(spectrum), s=size)
        field.copy_(padded[:, :height, :width])
    return fields


def _padded(length: int) -> int:
    return next_fast_len(2 * length - 1, real=True)


@lru_cache(maxsize=4)
def _distance_spectrum(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Spectrum (height, width // 2 + 1) of |x| on a lattice that closes upon itself."""
    y, x = (
        torch.minimum(steps := torch.arange(size, dtype=torch.float64), size - steps)
        for size in (height, width)
    )
    complex_dtype = torch.promote_types(dtype, torch.complex64)
    return torch.fft.rfft2(torch.hypot(y[:, None], x)).to(device, complex_dtype)
