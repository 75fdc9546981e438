"""Landmarks that a photo shows, and those beyond its edge, which a detector guesses.

Where a photo cuts a face, the detector still gives all landmarks. Those outside lie where an
average face would have them, and some are pushed inside: of 19 portraits, cut at each side to four
depths, a fifth of the landmarks within 0.05 of the outer eye-corner distance from the edge lay
beyond it, and a tenth of those within 0.1; their median errors were three and two times those of
landmarks further inside. All of these are called guessed, and say nothing of the face.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import inverted, map_points
from headwater.faces.vocabulary import (
    IBUG_LEFT_EYE,
    IBUG_MOUTH,
    IBUG_RIGHT_EYE,
    ibug68,
)
from headwater.reject_reasons import RejectReason

# Distance from the photo's edge, as a share of the longer side of the 68 landmarks, below which
# landmarks are guesses.
EDGE_SHARE: Final = 0.09
# Fewer of the 68 fix no camera.
FEWEST_SEEN: Final = 24

_PARTS: Final = {
    "right brow": slice(17, 22),
    "left brow": slice(22, 27),
    "right eye": IBUG_RIGHT_EYE,
    "left eye": IBUG_LEFT_EYE,
    "nose": slice(27, 36),
    "mouth": IBUG_MOUTH,
    "right cheek": slice(0, 5),
    "left cheek": slice(12, 17),
    "chin": slice(6, 11),
}
_PAIRS: Final = ("brow", "eye", "cheek")

Mask = NDArray[np.bool_]


def seen_landmarks(
    landmarks: NDArray[np.floating[Any]],
    frame_from_photo: NDArray[np.float64],
    photo_width: int,
    photo_height: int,
) -> Mask:
    """True (n,) for the landmarks that the photo shows; the others are guessed.

    landmarks: (478 or 68, 2 or 3), px of the frame. frame_from_photo: (2, 3), px of the photo to px
    of the frame.
    """
    all_68 = landmarks if len(landmarks) == 68 else ibug68(landmarks)
    back = inverted(frame_from_photo)
    points = map_points(back, landmarks[:, :2])
    extent = np.ptp(map_points(back, all_68[:, :2]), axis=0).max()
    edge = EDGE_SHARE * extent
    inside = (points >= edge) & (points <= np.array([photo_width, photo_height]) - edge)
    seen: Mask = inside.all(axis=1)
    return seen


def check_seen(seen_68: Mask) -> None:
    """Raise ``ItemRejected`` (camera_failed) where too little of a face shows to fix its camera."""
    gone = unseen_parts(seen_68)
    featureless = "eyes" in gone and "mouth" in gone
    if featureless or np.count_nonzero(seen_68) < FEWEST_SEEN:
        raise ItemRejected(
            RejectReason.CAMERA_FAILED,
            f"Too little of the face shows to tell its pose: {guessed_in_words(seen_68)}.",
        )


def unseen_parts(seen_68: Mask) -> list[str]:
    """Names of the parts of a face of whose landmarks, (68,) in all, two thirds are guessed."""
    gone = [
        name for name, rows in _PARTS.items() if 3 * np.count_nonzero(seen_68[rows]) < _size(rows)
    ]
    for one in _PAIRS:
        both = [f"right {one}", f"left {one}"]
        if all(name in gone for name in both):
            gone[gone.index(both[0])] = f"{one}s"
            gone.remove(both[1])
    return gone


def guessed_in_words(seen_68: Mask) -> str:
    """The guessed part of a face with landmarks (68,), as "mouth and chin lie outside the photo".

    Nothing where the photo shows all landmarks.
    """
    count = int(np.count_nonzero(~seen_68))
    if not count:
        return ""
    gone = unseen_parts(seen_68)
    if not gone:
        return f"{count} of 68 landmarks lie outside the photo or at its edge"
    named = " and ".join(filter(None, (", ".join(gone[:-1]), gone[-1])))
    verb = "lies" if len(gone) == 1 and not gone[0].endswith("s") else "lie"
    return f"{named} {verb} outside the photo or at its edge"


def _size(rows: slice) -> int:
    return int(rows.stop - rows.start)
