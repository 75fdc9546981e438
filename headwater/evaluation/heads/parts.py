"""Part IoU of answers: the parts of the answered head and of the true one, in the first view."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.scenes import FloatArray, Template
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.trials import Trial
from headwater.geometry.cameras import Camera
from headwater.heads.part_map import PartMap, part_map
from headwater.metrics.part_iou import face_cut, part_ious, seen_parts, window

# Maps of topologies, which take half a second, and the last true labels, by what they are of.
_KEPT: Final = 8


class _ByTopology:
    """A template hashed by the bytes that its map of parts follows from."""

    def __init__(self, template: Template) -> None:
        self.template = template
        points = template.landmarks_478
        arrays = (template.mean, template.faces, points.triangles, points.weights)
        self.key = tuple(array.tobytes() for array in arrays)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByTopology) and other.key == self.key


def part_scores(trial: Trial, answer: HeadAnswer) -> dict[str, float]:
    """Part IoU of an answer, %; nothing where the truth has no topology or the view no camera.

    The answer is seen by the camera that it was asked with, the true head by the one that took the
    picture: an error of an estimated camera counts.
    """
    template, exact = trial.case.template, trial.true_camera
    if template is None or exact is None:
        return {}
    truth = trial.case.truth
    cut = face_cut(exact, truth.nose_tip)
    true = _labels(template, np.asarray(truth.vertices, np.float32), window(exact, cut))
    found = _labels(answer.template, answer.vertices, window(trial.views.camera(0), cut))
    return part_ious(found, true)


def true_parts(trial: Trial) -> NDArray[np.uint8]:
    """Exact part ids (h, w) of the first view of a question whose truth and camera are known."""
    template, exact = trial.case.template, trial.true_camera
    if template is None or exact is None:
        raise ValueError("the truth's topology and the view's camera are not known")
    return _labels(template, np.asarray(trial.case.truth.vertices, np.float32), exact)


def _labels(template: Template, vertices: FloatArray, camera: Camera) -> NDArray[np.uint8]:
    parts = _parts_of(_ByTopology(template))
    return seen_parts(vertices, template.faces, template.surface, template.mean, parts, camera)


@lru_cache(maxsize=_KEPT)
def _parts_of(key: _ByTopology) -> PartMap:
    template = key.template
    return part_map(template.mean, template.faces, template.landmarks_478)
