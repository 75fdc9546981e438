"""Where a head stands in the canonical space (note, section 2.1).

Truth: rigid Procrustes of a head's landmarks to the template's, without scale. From views: the
placement that explains the landmarks found in them. One view hardly tells a head's size from its
distance, so the given cameras are believed up to the usual spread between a head's own frame and
its place in the canonical space.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import IBUG_POSE_WEIGHTS
from headwater.geometry.cameras import Camera
from headwater.geometry.pose import PosePrior, Sighting, solve_pose
from headwater.geometry.registration import Similarity, umeyama

FloatArray = NDArray[np.floating[Any]]

# Head frames have their origin between the ear canals; this is how far that frame stands from the
# landmarks' own, measured on 180 sampled heads.
SPREAD: Final = PosePrior(degrees=1.5, shift_mm=5.0)
# Landmarks of a person differ from the mean head's, jaw and lips the most and neighbours alike:
# one landmark says little, so its spread is wide. A share of the landmarks' extent in the image.
LANDMARK_SPREAD: Final = 0.1


def true_placement(landmarks_mm: FloatArray, template_mm: FloatArray) -> Similarity:
    """Rigid map from the head frame to the canonical one, from (68, 3) mm landmarks of both."""
    return umeyama(landmarks_mm, template_mm, with_scale=False)


def placement_from_views(
    template_mm: FloatArray,
    landmarks_px: FloatArray,
    cameras: Sequence[Camera],
) -> Similarity:
    """Rigid map from the head frame to the canonical one, from landmarks seen in N views.

    template_mm: (68, 3). landmarks_px: (N, 68, 2), NaN where none were detected. cameras: of the N
    views. A maximum a posteriori PnP; the identity when no view has landmarks.
    """
    seen = np.flatnonzero(np.isfinite(landmarks_px).all(axis=(1, 2)))
    if not len(seen):
        return Similarity.identity()
    spreads = LANDMARK_SPREAD * np.ptp(landmarks_px[seen], axis=1).max(axis=1)
    sightings = [
        Sighting(cameras[i], landmarks_px[i], IBUG_POSE_WEIGHTS / spread)
        for i, spread in zip(seen, spreads, strict=True)
    ]
    head = solve_pose(template_mm, sightings, Similarity.identity(), SPREAD)
    return head.inverse()
