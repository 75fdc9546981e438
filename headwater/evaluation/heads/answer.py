"""A reconstructed head, as systems answer with."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

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
        """For methods that are judged with a part of the truth given."""


@dataclass(frozen=True, eq=False)
class HeadAnswer:
    """One head in the frame of the views, mm.

    template: the topology, and what of it a scan would see. vertices: (V, 3) float32. steps:
    (T + 1, V, 3) states of an iterative method, the start first; (0, V, 3) of any other.
    """

    template: Template
    vertices: FloatArray
    steps: FloatArray

    @cached_property
    def prediction(self) -> Prediction:
        """The head as the benchmark takes it."""
        return prediction(self.template, self.vertices)


def prediction(template: Template, vertices: FloatArray) -> Prediction:
    """Vertices (V, 3) mm of a template as the benchmark takes them."""
    return Prediction(vertices, skin_faces(template), template.landmarks_478.on(vertices))


def skin_faces(template: Template) -> NDArray[np.int32]:
    """Faces (f, 3) of the skin: what a scan would see."""
    return np.asarray(template.faces[template.surface == Surface.SKIN])
