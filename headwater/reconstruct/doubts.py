"""Reasons to doubt a reconstructed head, each a sentence for the user.

Limits on head pose come from 383 heads of the default build in three views each, from the front,
the side and anywhere, told by regressions that did not see them: beyond the limits lie 71 of 1,019
views, which are no better than the mean head on average (1.04 of its error; 0.85 within).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.seen_landmarks import guessed_in_words
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.geometry.cameras import Camera
from headwater.metrics.strata import yaw_degrees
from headwater.reconstruct.head import SeenView, unusual_size
from headwater.reconstruct.placing import unit_in_words
from headwater.reconstruct.seeing import SeenFace

# Turns by the estimated camera from which on a head is doubted; large turns come out smaller than
# they are.
MOST_YAW_DEGREES: Final = 50.0
MOST_PITCH_DEGREES: Final = 25.0
DOUBTED_ERROR_PERCENT: Final = 8.0
DENOISED: Final = "The face shows only in a copy of the photo without its noise."


def size_doubt(faces: Sequence[SeenFace], points_mm: NDArray[np.float32]) -> str:
    """A sentence on a head that its calibrated cameras make unusually large or small, or nothing.

    faces: its views with their cameras as given. points_mm: (68, 3) landmarks of the template.
    """
    size = unusual_size(faces, points_mm)
    if size is None:
        return ""
    return (
        f"The given cameras make the head {size:.2g} times as large as usual; {unit_in_words(size)}"
    )


def view_doubt(views: Sequence[SeenView]) -> str:
    """A sentence on a head that no view shows well, that of the first view; or nothing."""
    doubts = [_pose_doubt(one.frame_camera) or _error_doubt(one.error_percent) for one in views]
    return doubts[0] if all(doubts) else ""


def view_note(view: SeenView) -> str:
    """Sentences on a view that did not show the whole face, or only without noise; or nothing."""
    said = DENOISED if view.face.denoised else ""
    guessed = guessed_part(view)
    unseen = f"{guessed[0].upper()}{guessed[1:]}." if guessed else ""
    return " ".join(filter(None, (said, unseen)))


def guessed_part(view: SeenView) -> str:
    """The part of the face that the view does not show, in words; or nothing."""
    said = guessed_in_words(view.face.seen[IBUG68_FROM_478])
    return said and f"{said}: guessed"


def _pose_doubt(camera: Camera) -> str:
    yaw = abs(yaw_degrees(camera.R))
    pitch = float(np.degrees(np.arcsin(np.clip(-camera.R[2, 1], -1.0, 1.0))))
    if abs(pitch) > MOST_PITCH_DEGREES:
        where = f"from {abs(pitch):.0f} degrees {'above' if pitch > 0 else 'below'}"
    elif yaw > MOST_YAW_DEGREES:
        where = f"from {yaw:.0f} degrees to the side"
    else:
        return ""
    return f"The face is seen {where}: such heads are often no better than the mean head."


def _error_doubt(error_percent: float) -> str:
    if error_percent <= DOUBTED_ERROR_PERCENT:
        return ""
    return (
        f"The mesh misses the landmarks by {error_percent:.0f} % of the eye distance, more than it "
        "should."
    )
