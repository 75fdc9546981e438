"""The head model fitted to the landmarks of a photo, and the camera that sees it there."""

from typing import Final

import numpy as np

from headwater.baselines.landmark_errors import LandmarkView
from headwater.baselines.landmark_fit import LandmarkFitter
from headwater.data.scenes import FloatArray, Template, Views
from headwater.errors import ItemRejected
from headwater.faces.vocabulary import ibug68
from headwater.geometry.cameras import Camera, project
from headwater.geometry.pose import refined_camera
from headwater.metrics.landmarks import seen_mean_error
from headwater.reject_reasons import RejectReason

# Largest mean error of a fit's landmarks, as a share of the distance of the outer eye corners; all
# faces that were detected rightly have less.
LARGEST_NME: Final = 0.08


def fitted_to_photo(
    fitter: LandmarkFitter, template: Template, view: Views
) -> tuple[FloatArray, Camera]:
    """Vertices (V, 3) mm and camera of the head model, fitted to the landmarks of one view.

    The camera is estimated again, for the fitted head. Raises ItemRejected where landmarks lie
    outside the photo, or no head explains them.
    """
    (landmarks,) = ibug68(view.landmarks_478_px)
    if not np.isfinite(landmarks).all():
        raise ItemRejected(
            RejectReason.HEAD_NOT_FITTED,
            "The photo's border cuts the face; some landmarks are unseen.",
        )
    head = fitter.fit([LandmarkView(landmarks, view.camera(0))]).vertices
    points = template.landmarks_68(head)
    camera = refined_camera(view.camera(0), points, landmarks)
    error = seen_mean_error(project(camera, points)[0], landmarks.astype(np.float64))
    if not error <= LARGEST_NME:
        raise ItemRejected(
            RejectReason.HEAD_NOT_FITTED,
            f"The fitted head's landmarks miss by {error:.0%} of the eyes' distance; no face of "
            "the head model has landmarks like these.",
        )
    return head, camera
