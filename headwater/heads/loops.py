"""Open borders of sets of triangles."""

import numpy as np

from headwater.heads.model import FloatArray, IntArray


def border_loops(faces: IntArray) -> list[IntArray]:
    """Closed loops of vertices around the holes of a triangle set, longest first.

    faces: (F, 3) consistently turned. Each loop (n,) runs along its triangles' edges, so a cap
    whose triangles follow the loop backwards fits. Loops that touch in a vertex are separated.
    """
    edges = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).astype(np.int64)
    width = int(edges.max()) + 1
    forward, backward = edges @ (width, 1), edges @ (1, width)
    border = edges[~np.isin(forward, backward)]
    following: dict[int, list[int]] = {}
    for start, end in border.tolist():
        following.setdefault(start, []).append(end)
    loops = []
    while following:
        loops.append(_walk(following))
    return sorted(loops, key=lambda loop: (-len(loop), int(loop.min())))


def _walk(following: dict[int, list[int]]) -> IntArray:
    """Take one simple loop out of ``following``."""
    path, place = [min(following)], {min(following): 0}
    while True:
        ends = following[path[-1]]
        vertex = ends.pop()
        if not ends:
            del following[path[-1]]
        if vertex in place:
            loop, rest = path[place[vertex] :], path[: place[vertex]]
            for start, end in zip(rest, [*rest, vertex][1:], strict=True):
                following.setdefault(start, []).append(end)
            return np.array(loop, np.int32)
        place[vertex] = len(path)
        path.append(vertex)


def inner_edge(loop: IntArray, vertices: FloatArray) -> tuple[IntArray, IntArray]:
    """Upper and lower arc of a loop seen from the front, each from small to large x.

    The arcs share the loop's leftmost and rightmost vertices in (V, 3) ``vertices``.
    """
    x = vertices[loop, 0]
    turned = np.roll(loop, -int(x.argmin()))
    split = int(vertices[turned, 0].argmax())
    one, other = turned[: split + 1], np.append(turned[split:], turned[0])[::-1]
    if vertices[one, 1].mean() >= vertices[other, 1].mean():
        return one, other
    return other, one
