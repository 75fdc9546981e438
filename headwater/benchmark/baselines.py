"""Baselines that every system is compared with: the mean head, and a fit of the head model."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from headwater.baselines.landmark_fit import LandmarkFitter, LandmarkView
from headwater.benchmark.table import SetRows
from headwater.benchmark.trials import Case, Trial, skin, trials
from headwater.datasets.scenes import FloatArray, Views
from headwater.datasets.tables import read_heads
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.registration import umeyama
from headwater.heads.model import HeadModel
from headwater.metrics.benchmark import Prediction

MEAN_HEAD: Final = "mean_head"
LANDMARK_FIT: Final = "landmark_fit"
NO_LANDMARKS: Final = "no view has landmarks"


def mean_head(data: Path, model: HeadModel) -> FloatArray:
    """Mean (V, 3) mm of the training heads, each rigidly placed by its landmarks first."""
    heads = read_heads(data, ("train",))
    wanted = model.landmarks_478.on(model.mean)[IBUG68_FROM_478]
    placed = [
        umeyama(model.landmarks_478.on(vertices)[IBUG68_FROM_478], wanted, with_scale=False).apply(
            vertices
        )
        for vertices in heads.vertices
    ]
    return np.mean(placed, axis=0).astype(np.float32)


def judge_baselines(
    cases: Sequence[Case],
    model: HeadModel,
    mean: FloatArray,
    progress: Callable[[int], None] | None = None,
) -> SetRows:
    """Rows of both baselines on every trial; the mean head is the same in any views."""
    faces = skin(model)
    mean_prediction = Prediction(mean, faces, model.landmarks_478.on(mean))
    fitter = LandmarkFitter(model)
    rows: SetRows = {}
    for trial in trials(cases):
        found = rows.setdefault(trial.case.test_set, [])
        if trial.headline:
            mean_row = trial.score(mean_prediction, MEAN_HEAD)
        found.append(
            replace(
                mean_row,
                views=len(trial.views),
                yaw_degrees=trial.yaw_degrees,
                first_view=trial.first_view,
            )
        )
        views = _landmark_views(trial)
        if views:
            vertices = fitter.fit(views).vertices
            fitted = Prediction(vertices, faces, model.landmarks_478.on(vertices))
            found.append(trial.score(fitted, LANDMARK_FIT))
        else:
            found.append(trial.failed(LANDMARK_FIT, NO_LANDMARKS))
        if progress is not None:
            progress(1)
    return rows


def _landmark_views(trial: Trial) -> list[LandmarkView]:
    views: Views = trial.views
    landmarks = views.landmarks_478_px[:, IBUG68_FROM_478]
    return [
        LandmarkView(landmarks[i], views.camera(i))
        for i in range(len(views))
        if np.isfinite(landmarks[i]).all()
    ]
