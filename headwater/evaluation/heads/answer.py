"""A reconstructed head, as systems answer with."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.data.scenes import FloatArray, Template, Views
from headwater.heads.model import Surface
from headwater.metrics.benchmark import Prediction


class HeadQuestion(Protocol):
    """Views of one head; true_landmarks_mm: its (68, 3), in the views' frame, where known."""

    @property
    def views(self) -> Views:
        """Images, masks, cameras and landmarks."""

    @property
    def true_landmarks_mm(self) -> FloatArray | None:
        """True landmarks, for methods that are judged with a part of the truth given."""


@dataclass(frozen=True, eq=False)
class FreeMesh:
    """A surface in a topology of its own, mm in the frame of the views.

    vertices: (v, 3). faces: (f, 3) int32, without what a scan would not see. landmarks_478: (478,
    3), points on it.
    """

    vertices: NDArray[np.floating[Any]]
    faces: NDArray[np.int32]
    landmarks_478: NDArray[np.floating[Any]]

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Vertices, faces and landmarks."""
        return self.vertices, self.faces, self.landmarks_478


@dataclass(frozen=True, eq=False)
class HeadAnswer:
    """One head in the frame of the views, mm.

    template: the topology, and what of it a scan would see. vertices: (V, 3) float32. steps:
    (T + 1, V, 3) states of an iterative method, the start first; none of any other. free: the
    surface to which the template was registered, of a method that has one; it is scored as well.
    """

    template: Template
    vertices: FloatArray
    steps: FloatArray = field(default_factory=lambda: np.zeros((0, 0, 3), np.float32))
    free: FreeMesh | None = None

    @property
    def digest(self) -> bytes:
        """Hash of the arrays that are judged, taken anew: a system may overwrite its arrays."""
        points, digest = self.template.landmarks_478, blake2b(digest_size=32)
        topology = (self.template.faces, self.template.surface, points.triangles, points.weights)
        free = () if self.free is None else self.free.arrays
        for array in map(np.ascontiguousarray, (self.vertices, *topology, *free)):
            digest.update(f"{array.dtype} {array.shape} ".encode())
            digest.update(array.data)
        return digest.digest()

    @cached_property
    def memo(self) -> dict[str, Any]:
        """The last judgement of this answer, which the judge keeps here; copies have none."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True)
class SourcePicture:
    """A picture that an answer came from, as a map: (h, w, 3) uint8 sRGB, with its words."""

    name: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class SourceMesh:
    """A mesh on the way to an answer, in the views' head frame: file stem, and words.

    vertices: (v, 3) mm. faces: (f, 3). colours: (v, 3) uint8 sRGB, None for clay.
    """

    stem: str
    name: str
    vertices: NDArray[np.floating[Any]]
    faces: NDArray[np.int32]
    colours: NDArray[np.uint8] | None = None


Sources = tuple[SourcePicture | SourceMesh, ...]


def check_answer(answer: object) -> None:
    """Raise TypeError or ValueError for what is no head of its template's topology."""
    if not isinstance(answer, HeadAnswer):
        raise TypeError(f"the answer is a {type(answer).__name__} instead of a HeadAnswer")
    wanted = answer.template.mean.shape
    if np.shape(answer.vertices) != wanted:
        raise ValueError(f"the vertices are {np.shape(answer.vertices)}, of the template {wanted}")
    faces = answer.template.faces
    # A negative number would be that of another vertex.
    if (odd := faces[(faces < 0) | (faces >= wanted[0])]).size:
        raise ValueError(f"a face names vertex {odd[0]} of {wanted[0]}")
    steps = np.shape(answer.steps)
    if not steps or (steps[0] and steps[1:] != wanted):
        raise ValueError(f"the steps are {steps}, vertices of the template {wanted}")
    if not np.isfinite(answer.steps).all():
        raise ValueError("the steps are not finite")
    if answer.free is not None:
        _check_free_mesh(answer.free)


def _check_free_mesh(mesh: FreeMesh) -> None:
    vertices, faces, landmarks = map(np.shape, mesh.arrays)
    if vertices[1:] != (3,) or faces[1:] != (3,) or landmarks != (478, 3):
        raise ValueError(f"the free mesh is {vertices}, {faces} and {landmarks}")
    if mesh.faces.size and not 0 <= mesh.faces.min() <= mesh.faces.max() < vertices[0]:
        raise ValueError(f"a face of the free mesh names a vertex that is none of {vertices[0]}")


def prediction(template: Template, vertices: FloatArray) -> Prediction:
    """Vertices (V, 3) mm of a template as the benchmark takes them."""
    return Prediction(vertices, skin_faces(template), template.landmarks_478.on(vertices))


def skin_faces(template: Template) -> NDArray[np.int32]:
    """Faces (f, 3) of the skin: what a scan would see."""
    return np.asarray(template.faces[template.surface == Surface.SKIN])
