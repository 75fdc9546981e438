"""Slow and obvious twins of edge collapse and of spirals."""

import numpy as np

from headwater.geometry.decimation import BORDER, COMPACT


def slow_decimation(
    vertices: np.ndarray, faces: np.ndarray, target: int
) -> tuple[np.ndarray, np.ndarray]:
    """Kept vertices and faces; looks at all edges before every collapse."""
    points = vertices.astype(np.float64)
    left = [tuple(face) for face in faces.tolist()]
    quadrics = _matrices(points, left)
    alive, refused = set(range(len(points))), set()
    while len(alive) > target:
        around = {v: {w for face in left if v in face for w in face} - {v} for v in alive}
        border = {v for edge in _borders(left) for v in edge}
        choices = []
        for v in alive:
            for w in around[v]:
                if (v, w) not in refused:
                    place = np.append(points[v], 1.0)
                    choices.append((place @ (quadrics[v] + quadrics[w]) @ place, v, w))
        _, kept, removed = min(choices)
        both = around[kept] & around[removed]
        meet = len(both) + (kept in border and removed in border)
        grown = len(around[kept] | around[removed]) - 2 + bool({kept, removed} & border)
        if meet != 2 or grown < 3:
            refused |= {(kept, removed), (removed, kept)}
            continue
        alive.remove(removed)
        quadrics[kept] = quadrics[kept] + quadrics[removed]
        moved = [tuple(kept if v == removed else v for v in face) for face in left]
        left = [face for face in moved if len(set(face)) == 3]
        refused = {edge for edge in refused if kept not in edge}
    order = sorted(alive)
    return np.array(order), np.array([[order.index(v) for v in face] for face in left])


def _matrices(points: np.ndarray, faces: list[tuple[int, ...]]) -> list[np.ndarray]:
    found = [np.zeros((4, 4)) for _ in points]
    for face in faces:
        a, b, c = points[list(face)]
        across = np.cross(b - a, c - a)
        area, unit = np.linalg.norm(across) / 2, across / np.linalg.norm(across)
        plane = np.append(unit, -unit @ a)
        for v in face:
            point = np.block(
                [[np.eye(3), -points[v][:, None]], [-points[v], points[v] @ points[v]]]
            )
            found[v] += area * (np.outer(plane, plane) + COMPACT * point)
        for v, w in ((0, 1), (1, 2), (2, 0)):
            edge = (face[v], face[w])
            if edge in _borders(faces):
                along = points[edge[1]] - points[edge[0]]
                side = np.cross(along, unit) / np.linalg.norm(along)
                upright = np.append(side, -side @ points[edge[0]])
                for end in edge:
                    found[end] += BORDER * along @ along * np.outer(upright, upright)
    return found


def _borders(faces: list[tuple[int, ...]]) -> set[tuple[int, int]]:
    directed = {(f[i], f[(i + 1) % 3]) for f in faces for i in range(3)}
    return {edge for edge in directed if edge[::-1] not in directed}


def slow_ring(faces: list[list[int]], vertex: int) -> list[int]:
    """Neighbours of a vertex, counter-clockwise; after a gap where it lies on a border."""
    after = {}
    for face in faces:
        if vertex in face:
            at = face.index(vertex)
            after[face[(at + 1) % 3]] = face[(at + 2) % 3]
    open_ends = set(after) - set(after.values())
    ring = [min(open_ends) if open_ends else min(after)]
    while ring[-1] in after and after[ring[-1]] != ring[0]:
        ring.append(after[ring[-1]])
    return ring


def slow_spiral(faces: list[list[int]], vertex: int, first: int, length: int, hops: int) -> list:
    """The spiral of a vertex whose ring begins with ``first``; None for what is missing."""
    ring = _from(slow_ring(faces, vertex), first)
    spiral = [vertex, *ring]
    if hops == 2:
        for neighbour in ring:
            for other in _from(slow_ring(faces, neighbour), vertex):
                if other not in spiral:
                    spiral.append(other)
    return (spiral + [None] * length)[:length]


def _from(ring: list[int], first: int) -> list[int]:
    at = ring.index(first)
    return ring[at:] + ring[:at]
