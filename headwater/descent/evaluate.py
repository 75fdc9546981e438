"""Evaluation of trained weights on the benchmark's trials, with the error along the descent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.benchmark.table import SetRows
from headwater.benchmark.trials import HELD_OUT, Case, Trial, trials
from headwater.datasets.scenes import Template
from headwater.descent.reconstruct import Reconstruction, reconstruct
from headwater.descent.weights import TrainedGlvd
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.heads.model import Surface
from headwater.metrics.benchmark import BenchmarkRow, Prediction


@dataclass(frozen=True)
class Answer:
    """What was made of one trial, and how it was judged."""

    trial: Trial
    row: BenchmarkRow
    found: Reconstruction


@dataclass(frozen=True)
class Evaluation:
    """rows: every answer's, by test set. single: to held-out heads seen once, from the front."""

    rows: SetRows
    single: list[Answer]

    @property
    def sound(self) -> list[Answer]:
        """Single answers that could be judged."""
        return [answer for answer in self.single if answer.row.failure is None]

    def steps_mm(self) -> list[float]:
        """Mean vertex error (T + 1) of the face along the descent, aligned as its end is."""
        return [float(value) for value in np.mean([_steps(a) for a in self.sound], axis=0)]


def evaluate(
    trained: TrainedGlvd,
    cases: Sequence[Case],
    *,
    system: str,
    size: str | None = None,
    iterations: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Reconstruct and judge every trial of the cases."""
    rows: SetRows = {}
    single = []
    for trial in trials(cases):
        truth = trial.case.truth.landmarks_478[IBUG68_FROM_478]
        found = reconstruct(trained, trial.views, iterations=iterations, true_landmarks_mm=truth)
        row = trial.score(prediction(trained.template, found), system, size)
        rows.setdefault(trial.case.test_set, []).append(row)
        if trial.case.test_set == HELD_OUT and trial.headline:
            single.append(Answer(trial, row, found))
        if progress is not None:
            progress(1)
    return Evaluation(rows, single)


def prediction(template: Template, found: Reconstruction) -> Prediction:
    """A reconstruction as the benchmark takes it."""
    landmarks = template.landmarks_478.on(found.vertices)
    return Prediction(found.vertices, skin_faces(template), landmarks)


def skin_faces(template: Template) -> NDArray[np.int32]:
    """Faces (f, 3) of the skin: what a scan would see."""
    return np.asarray(template.faces[template.surface == Surface.SKIN])


def vertex_error(answer: Answer) -> float:
    """Mean distance, mm, of corresponding vertices of the face after the scan-to-mesh alignment."""
    return float(_steps(answer)[-1])


def _steps(answer: Answer) -> NDArray[np.floating[Any]]:
    heat = answer.row.heat
    if heat is None:
        raise ValueError(f"head {answer.row.subject} was not judged")
    truth = answer.trial.case.truth.vertices[heat.region]
    aligned = [heat.transform.apply(step) for step in answer.found.steps[:, heat.region]]
    return np.asarray(np.linalg.norm(np.stack(aligned) - truth, axis=2).mean(axis=1))
