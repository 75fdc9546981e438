"""For every pixel of a grid the nearest or the farthest of a set's points, exactly.

Squares of pixels are halved until one point is left in each. In a square, a point v cannot win
against the winner m at the square's middle c unless it wins at one of its corners, and as the
difference of the two squared distances is linear over the plane, that needs
|v - c|² - |m - c|² < 2 r (|x_v - x_m| + |y_v - y_m|), where r is half the square's side.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

# Points that are searched together: bounds the memory, on CUDA too.
_TOGETHER: Final = {"cpu": 4096, "cuda": 1 << 18}


@dataclass(frozen=True)
class Anchors:
    """Centres of every ``stride``-th pixel of height x width px, from stride // 2 on."""

    height: int
    width: int
    stride: int = 1

    @property
    def rows(self) -> int:
        """Number of rows of anchors."""
        return len(range(self.stride // 2, self.height, self.stride))

    @property
    def columns(self) -> int:
        """Number of columns of anchors."""
        return len(range(self.stride // 2, self.width, self.stride))

    @property
    def first(self) -> float:
        """Both coordinates of the first anchor, px."""
        return self.stride // 2 + 0.5

    def points(self, like: Tensor) -> Tensor:
        """The anchors (rows columns, 2) px, row by row, in dtype and on device of ``like``."""
        ys, xs = (
            torch.arange(count, dtype=like.dtype, device=like.device) * self.stride + self.first
            for count in (self.rows, self.columns)
        )
        return torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=-1).reshape(-1, 2)

    def view(self, maps: Tensor) -> Tensor:
        """The anchors' entries (..., rows, columns) of maps (..., height, width), as a view."""
        start = self.stride // 2
        return maps[..., start :: self.stride, start :: self.stride]


@dataclass(frozen=True)
class PointSets:
    """Several sets of points, none of them empty, one after the other.

    points: (N, 2) px. sizes: of each of S sets. member: (N,) int64, the set of each point.
    """

    points: Tensor
    sizes: tuple[int, ...]
    member: Tensor

    @staticmethod
    def of(points: Tensor, sizes: tuple[int, ...]) -> "PointSets":
        """Sets of ``sizes`` among the points (N, 2), in their order."""
        counts = torch.tensor(sizes, device=points.device)
        numbers = torch.arange(len(sizes), device=points.device)
        return PointSets(points, sizes, numbers.repeat_interleave(counts, output_size=len(points)))


def winning_points(sets: PointSets, anchors: Anchors, *, farthest: bool = False) -> Tensor:
    """Row in ``sets.points`` of every anchor's nearest or farthest point of each set.

    (S, rows columns) int32. Of points equally far the one of the smallest row wins. All points
    must be finite.
    """
    limit = _TOGETHER.get(sets.points.device.type, _TOGETHER["cpu"])
    found, start, first = [], 0, 0
    for end in _ends(sets.sizes, limit):
        count = sum(sets.sizes[start:end])
        points = sets.points[first : first + count].detach()
        won = _search(points, sets.member[first : first + count] - start, anchors, farthest)
        found.append((won + first).to(torch.int32))
        start, first = end, first + count
    return torch.cat(found)


def _ends(sizes: tuple[int, ...], limit: int) -> list[int]:
    """Ends of runs of sets that have at most ``limit`` points together, or are one set."""
    ends, together = [], 0
    for number, size in enumerate(sizes):
        if together and together + size > limit:
            ends.append(number)
            together = 0
        together += size
    return [*ends, len(sizes)]


def _search(points: Tensor, member: Tensor, anchors: Anchors, farthest: bool) -> Tensor:
    """Winners (S, rows columns) int64 among points (N, 2) of the sets ``member`` (N,)."""
    places = points.T.contiguous()
    side = 1 << (max(anchors.rows, anchors.columns) - 1).bit_length()
    count = int(member[-1]) + 1
    winners = torch.full((count, 1, 1), -1, device=points.device)
    squares = torch.stack(
        [torch.arange(count, device=points.device), *2 * [torch.zeros_like(winners[:, 0, 0])]]
    )
    pairs = torch.stack([member, torch.arange(len(points), device=points.device)])
    while True:
        square, point, best = _contenders(places, squares, pairs, side, anchors, farthest)
        if side == 1:
            winners[tuple(squares)] = best
            return winners[:, : anchors.rows, : anchors.columns].flatten(1)
        alone = torch.bincount(square, minlength=squares.shape[1]) == 1
        winners[tuple(squares[:, alone])] = best[alone]
        side //= 2
        winners = winners.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
        squares, pairs = _quarters(squares, square, point, alone, side, anchors)


def _contenders(
    points: Tensor, squares: Tensor, pairs: Tensor, side: int, anchors: Anchors, farthest: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The pairs of square and point that may still win, and each square's winner at its middle.

    points: (2, N) px. squares: (3, Q), set, row and column in units of ``side`` anchors.
    """
    square, point = pairs
    half = (side - 1) / 2 * anchors.stride
    middles = (squares[[2, 1]] * (side * anchors.stride)).to(points) + (anchors.first + half)
    xs, ys = (of.index_select(0, point) for of in points)
    dx, dy = (
        of - middle.index_select(0, square) for of, middle in ((xs, middles[0]), (ys, middles[1]))
    )
    squared = dx.mul_(dx).addcmul_(dy, dy)
    if farthest:
        squared.neg_()
    lowest = points.new_full((squares.shape[1],), torch.inf)
    lowest.scatter_reduce_(0, square, squared, "amin")
    behind = squared.sub_(lowest.index_select(0, square))
    leads = torch.nonzero(behind == 0).flatten()
    best = torch.full_like(squares[0], points.shape[1])
    best.scatter_reduce_(0, square[leads], point[leads], "amin")
    if side == 1:
        return square, point, best
    winner = best.index_select(0, square)
    reach = (xs - points[0].index_select(0, winner)).abs_()
    reach += (ys - points[1].index_select(0, winner)).abs_()
    stays = torch.nonzero((behind < reach.mul_(2 * half)) | (point == winner)).flatten()
    return square.index_select(0, stays), point.index_select(0, stays), best


def _quarters(
    squares: Tensor, square: Tensor, point: Tensor, alone: Tensor, side: int, anchors: Anchors
) -> tuple[Tensor, Tensor]:
    """Quarters of the squares that have several contenders, with the contenders of each."""
    halves = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], device=square.device)
    which, row, column = squares
    rows, columns = 2 * row + halves[:, :1], 2 * column + halves[:, 1:]
    wanted = (rows * side < anchors.rows) & (columns * side < anchors.columns) & ~alone
    number = torch.cumsum(wanted.flatten(), 0).reshape(wanted.shape) - 1
    quarters = torch.stack([which.expand_as(rows)[wanted], rows[wanted], columns[wanted]])
    number = torch.where(wanted, number, -1).index_select(1, square).flatten()
    kept = torch.nonzero(number >= 0).flatten()
    point = point.repeat(4)
    return quarters, torch.stack([number.index_select(0, kept), point.index_select(0, kept)])
