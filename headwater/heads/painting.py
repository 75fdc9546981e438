"""Plain face paint for pictures of a head model: irises, and once they are known, brows and lips.

Only for landmark calibration; the pictures of data sets are made in ``headwater.rendering``.
"""

import numpy as np
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets
from headwater.heads.model import FloatArray, HeadModel, IntArray, Surface, SurfacePoints

COLOURS = {
    Surface.SKIN: (0.80, 0.62, 0.52),
    Surface.EYEBALL: (0.92, 0.92, 0.92),
    Surface.TEETH: (0.90, 0.88, 0.80),
    Surface.TONGUE: (0.70, 0.30, 0.30),
    Surface.MOUTH_CAVITY: (0.40, 0.15, 0.15),
    Surface.EYE_SOCKET: (0.60, 0.40, 0.35),
}
IRIS, PUPIL = (0.33, 0.22, 0.13), (0.05, 0.05, 0.05)
BROW, LIP = (0.30, 0.20, 0.15), (0.66, 0.36, 0.34)
IRIS_MM, PUPIL_MM = 6.0, 2.4
MOST_FACES = 200_000


class Painter:
    """A densely triangulated copy of a head model with one colour per vertex."""

    def __init__(self, model: HeadModel, landmarks: SurfacePoints | None) -> None:
        """landmarks: of ``model``, for brows and lips; plain skin when None."""
        self._model = model
        self._halved: list[IntArray] = []
        self.faces, count = model.faces, len(model.mean)
        while 4 * len(self.faces) <= MOST_FACES:
            edges, self.faces = _halve(self.faces, count)
            self._halved.append(edges)
            count += len(edges)
        self.mean = self.dense(model.mean)
        self._surface = np.repeat(model.surface, 4 ** len(self._halved))
        self.skin = self._vertices_of(Surface.SKIN)
        self.eyeballs = self._vertices_of(Surface.EYEBALL)
        self.colours = self._paint(landmarks)

    def dense(self, vertices: FloatArray) -> FloatArray:
        """Vertices (V', 3) mm of a head (V, 3) for ``faces``: its own and middles of edges."""
        for edges in self._halved:
            vertices = np.concatenate([vertices, vertices[edges].mean(1)])
        return vertices

    def normals(self, dense: FloatArray) -> FloatArray:
        """Unit normals (V', 3) at the vertices (V', 3) of a dense head."""
        corners = dense[self.faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        total = np.zeros_like(dense)
        for corner in range(3):
            np.add.at(total, self.faces[:, corner], across)
        normals: FloatArray = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
        return normals

    def _vertices_of(self, surface: Surface) -> NDArray[np.intp]:
        used: NDArray[np.intp] = np.unique(self.faces[self._surface == surface]).astype(np.intp)
        return used

    def _paint(self, landmarks: SurfacePoints | None) -> FloatArray:
        colours = np.zeros_like(self.mean)
        for surface in sorted(COLOURS, reverse=True):
            colours[self._vertices_of(surface)] = COLOURS[surface]
        for side in (-1, 1):
            ball = self.eyeballs[np.sign(self.mean[self.eyeballs, 0]) == side]
            centre = (self.mean[ball].max(0) + self.mean[ball].min(0)) / 2
            aside = np.hypot(*(self.mean[ball, :2] - centre[:2]).T)
            front = self.mean[ball, 2] > centre[2]
            colours[ball[front & (aside < IRIS_MM)]] = IRIS
            colours[ball[front & (aside < PUPIL_MM)]] = PUPIL
        if landmarks is not None:
            places = landmarks.on(self._model.mean)
            self._fill(colours, places, sets.OUTER_LIPS, LIP)
            for brow in (sets.LEFT_BROW, sets.RIGHT_BROW):
                self._fill(colours, places, brow, BROW)
        return colours

    def _fill(
        self,
        colours: FloatArray,
        places: FloatArray,
        outline: tuple[int, ...],
        colour: tuple[float, float, float],
    ) -> None:
        """Colour the skin inside an outline of landmarks, seen from the front."""
        inside = Polygon(places[list(outline), :2]).contains_points(self.mean[self.skin, :2])
        front = self.mean[self.skin, 2] > places[list(outline), 2].min() - 5.0
        colours[self.skin[inside & front]] = colour


def _halve(faces: IntArray, first: int) -> tuple[IntArray, IntArray]:
    """Edges (n, 2) to halve and the four times as many faces; middles are numbered from first."""
    edges, index = np.unique(
        np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2),
        axis=0,
        return_inverse=True,
    )
    middle = first + index.reshape(-1, 3)
    a, b, c = faces.T
    ab, bc, ca = middle.T
    quarters = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3)
    return edges.astype(np.int32), quarters.astype(np.int32)
