"""Baselines that every system is compared with: the mean head, and a fit of the head model."""

from pathlib import Path
from typing import Final

import numpy as np

from headwater.baselines.landmark_errors import LandmarkErrors, LandmarkView, measured_errors
from headwater.baselines.landmark_fit import LandmarkFitter
from headwater.data.scenes import FloatArray, Views
from headwater.data.tables import read_heads, read_model, template_of
from headwater.data.views import detected_landmarks, of_rendered
from headwater.evaluation.challenge import Answerer, Unanswered
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.trials import Trial
from headwater.faces.vocabulary import IBUG68_FROM_478, ibug68
from headwater.geometry.registration import umeyama
from headwater.heads.model import HeadModel

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


def detector_errors(data: Path, model: HeadModel) -> LandmarkErrors:
    """Errors of the landmarks that were detected in the views of the training heads."""
    heads = read_heads(data, ("train",))
    seen = of_rendered(data, heads)
    landmarks = ibug68(detected_landmarks(data, [one.row["item"] for one in seen]))
    true = ibug68(np.stack([model.landmarks_478.on(vertices) for vertices in heads.vertices]))
    return measured_errors(
        (LandmarkView(points, view.camera), true[view.head])
        for points, view in zip(landmarks, seen, strict=True)
        if np.isfinite(points).all()
    )


def baselines(data: Path) -> dict[str, Answerer]:
    """Two baselines: the mean head, and the head model fitted to the detected landmarks."""
    model = read_model(data)
    template = template_of(model)
    fitter = LandmarkFitter(model, detector_errors(data, model))
    mean = HeadAnswer(template, mean_head(data, model))

    def fitted(trial: Trial) -> HeadAnswer:
        views = _landmark_views(trial)
        if not views:
            raise Unanswered(NO_LANDMARKS)
        return HeadAnswer(template, fitter.fit(views).vertices)

    return {MEAN_HEAD: lambda _: mean, LANDMARK_FIT: fitted}


def _landmark_views(trial: Trial) -> list[LandmarkView]:
    views: Views = trial.views
    landmarks = views.landmarks_478_px[:, IBUG68_FROM_478]
    return [
        LandmarkView(landmarks[i], views.camera(i))
        for i in range(len(views))
        if np.isfinite(landmarks[i]).all()
    ]
