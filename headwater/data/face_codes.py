"""Correspondence codes (PNCC): the place on the mean head of each point of a face, as a colour.

c = (u - min u) / (max u - min u) for each axis of the places u on the mean head, over its face:
within ``REACH_MM`` of the nose tip, since 3DDFA's model ends at the ears and the neck.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.scenes import FloatArray, Template

REACH_MM: Final = 110.0


@dataclass(frozen=True)
class FaceCut:
    """The face of a template, as maps show it.

    vertex: (n,), numbers of its vertices in the template. faces: (f, 3), of these n. mean: (n, 3)
    float32, mm in the head frame.
    """

    vertex: NDArray[np.intp]
    faces: NDArray[np.int32]
    mean: FloatArray

    @cached_property
    def codes(self) -> FloatArray:
        """Codes (n, 3) of the vertices, from 0 to 1 along each axis."""
        return self.encoded(self.mean)

    @cached_property
    def _box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        mean = self.mean.astype(np.float64)
        low = mean.min(axis=0)
        return low, mean.max(axis=0) - low

    def encoded(self, places_mm: NDArray[np.floating[Any]]) -> FloatArray:
        """Codes (..., 3) of places on the mean head, mm."""
        low, extent = self._box
        return ((places_mm - low) / extent).astype(np.float32)

    def decoded(self, codes: NDArray[np.floating[Any]]) -> FloatArray:
        """Places (..., 3) mm on the mean head that codes name."""
        low, extent = self._box
        return (codes * extent + low).astype(np.float32)

    def anchors(self, count: int) -> NDArray[np.intp]:
        """Numbers (count,) of vertices spread over the face by farthest point sampling.

        All vertices where there are fewer.
        """
        places = self.mean.astype(np.float64)
        chosen = [int(np.argmax(places[:, 2]))]
        nearest = np.full(len(places), np.inf)
        for _ in range(min(count, len(places)) - 1):
            nearest = np.minimum(nearest, np.linalg.norm(places - places[chosen[-1]], axis=1))
            chosen.append(int(np.argmax(nearest)))
        return np.array(chosen)

    @cached_property
    def digest(self) -> str:
        """SHA-256, hex, of codes and triangles, which tells maps by different tables apart."""
        content = np.ascontiguousarray(self.codes).tobytes() + self.faces.tobytes()
        return hashlib.sha256(content).hexdigest()


def face_cut(template: Template, reach_mm: float = REACH_MM) -> FaceCut:
    """The face of a template: triangles with all corners near the nose tip of its mean head."""
    away = np.linalg.norm(template.mean - template.nose_tip(template.mean), axis=1)
    kept = template.faces[(away[template.faces] <= reach_mm).all(axis=1)]
    vertex, faces = np.unique(kept, return_inverse=True)
    return FaceCut(vertex, faces.reshape(-1, 3).astype(np.int32), template.mean[vertex])
