"""Layered layout of an acyclic graph, after Sugiyama: ranks, few crossings, short edges."""

from itertools import pairwise
from typing import Final, NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

SWEEPS: Final = 30
BEND_SPACE: Final = 0.5  # room of an edge that passes a rank, of a node's
STRAIGHTNESS: Final = 20.0  # weight of a bend's neighbours that are bends themselves


class Bend(NamedTuple):
    """Point at which an edge passes a rank between those of its ends."""

    start: str
    end: str
    rank: int


Point = str | Bend
Rows = list[list[Point]]


class Layout(NamedTuple):
    """Places in units of a node's width and a rank: nodes (x, rank), edges through their bends."""

    nodes: dict[str, tuple[float, int]]
    edges: dict[tuple[str, str], list[tuple[float, int]]]


def layout(graph: nx.DiGraph) -> Layout:
    """Place the nodes of ``graph``: rank 0 imports nothing, every edge points to a lower rank."""
    rank = ranks(graph)
    chains = {
        (start, end): [start, *(Bend(start, end, at) for at in between(rank, start, end)), end]
        for start, end in sorted(graph.edges)
    }
    links = nx.Graph()
    links.add_nodes_from(sorted(graph))
    for chain in chains.values():
        nx.add_path(links, chain)
    rows = ordered(_rows(rank, links), links)
    x = _columns(rows, links)
    level = {point: number for number, row in enumerate(rows) for point in row}
    return Layout(
        {node: (x[node], level[node]) for node in sorted(graph)},
        {edge: [(x[point], level[point]) for point in chain] for edge, chain in chains.items()},
    )


def ranks(graph: nx.DiGraph) -> dict[str, int]:
    """Length of the longest path from every node downwards; raises for a cyclic graph."""
    rank: dict[str, int] = {}
    for node in reversed(list(nx.lexicographical_topological_sort(graph))):
        rank[node] = 1 + max((rank[below] for below in graph.successors(node)), default=-1)
    return rank


def between(rank: dict[str, int], start: str, end: str) -> range:
    """Ranks that an edge passes, from its start downwards."""
    return range(rank[start] - 1, rank[end], -1)


def _rows(rank: dict[str, int], links: nx.Graph) -> Rows:
    rows: Rows = [[] for _ in range(1 + max(rank.values()))]
    for point in links:
        rows[point.rank if isinstance(point, Bend) else rank[point]].append(point)
    return rows


def ordered(rows: Rows, links: nx.Graph) -> Rows:
    """Rows with the fewest crossings among sweeps that sort each by the mean of its neighbours."""
    best = rows
    for sweep in range(SWEEPS):
        upwards = sweep % 2 == 0
        rows = [list(row) for row in rows]
        numbers = range(1, len(rows)) if upwards else range(len(rows) - 2, -1, -1)
        for number in numbers:
            fixed = rows[number - 1 if upwards else number + 1]
            place = {point: at for at, point in enumerate(fixed)}
            own = {point: at for at, point in enumerate(rows[number])}
            rows[number].sort(key=lambda point: _mean(links, point, place, own[point]))
        if crossings(rows, links) < crossings(best, links):
            best = rows
    return best


def _mean(links: nx.Graph, point: Point, place: dict[Point, int], otherwise: float) -> float:
    places = [place[other] for other in links[point] if other in place]
    return sum(places) / len(places) if places else otherwise


def crossings(rows: Rows, links: nx.Graph) -> int:
    """Number of pairs of links between neighbouring rows that cross."""
    count = 0
    for below, above in pairwise(rows):
        place = {point: at for at, point in enumerate(below)}
        ends = [
            (at, place[other])
            for at, point in enumerate(above)
            for other in links[point]
            if other in place
        ]
        count += sum(a < c and b > d for a, b in ends for c, d in ends)
    return count


def _columns(rows: Rows, links: nx.Graph) -> dict[Point, float]:
    """Column of every point: near its neighbours, in its row's order, apart from its row."""
    x = {point: at - len(row) / 2 for row in rows for at, point in enumerate(row)}
    for _ in range(SWEEPS):
        for row in (*rows, *reversed(rows)):
            wanted = np.array([_pull(links, point, x) for point in row])
            x |= dict(zip(row, (float(place) for place in _apart(row, wanted)), strict=True))
    left = min(x.values())
    return {point: place - left for point, place in x.items()}


def _pull(links: nx.Graph, point: Point, x: dict[Point, float]) -> float:
    others = list(links[point])
    if not others:
        return x[point]
    both = [isinstance(point, Bend) and isinstance(other, Bend) for other in others]
    weights = np.where(both, STRAIGHTNESS, 1.0)
    return float(np.average([x[other] for other in others], weights=weights))


def _apart(row: list[Point], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns nearest to the wanted ones (least squares) that keep the row's order and gaps."""
    half = [BEND_SPACE / 2 if isinstance(point, Bend) else 0.5 for point in row]
    offset = np.cumsum([0.0, *(a + b for a, b in pairwise(half))])
    return np.asarray(isotonic_regression(wanted - offset).x) + offset
