"""Crops of faces made alike in colour and in sharpness, whatever camera and lens took them.

Both shift the landmarks of MediaPipe's mesh: over ten people, by 0.33 % of the eye distance where a
photo is turned grey, and by 0.38 % where it is blurred by 2 px. Made alike, by 0.29 %.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

# Share of the colour that is taken away; with half or all of it, landmarks of rendered heads lie
# further from the true ones.
_COLOUR_TAKEN: Final = 0.35
# Pixels of the crop: detail is what lies below the first, and between it and the second; coarse is
# what lies between the second and the third.
_SPREADS: Final = (1.0, 2.0, 4.0)
# Ratios of the two details to the coarse structure (rms) that crops are brought to, about those of
# sharp photos of a face of 128 px; and the limits of the gains that bring them there.
_FINEST, _FINE = 0.6, 0.66
_LEAST_GAIN, _MOST_GAIN = 0.4, 4.0
# Spread of the last blur; from 0.7 on, landmarks move away from points set by hand.
_SMOOTHING_PX: Final = 0.5

Plane = NDArray[np.uint8]


def evened(crop: NDArray[np.uint8], around: int) -> NDArray[np.uint8]:
    """The crop (n, n, 3) with a third less colour, its luminance of one sharpness, then smoothed.

    around: px on every side of the crop that are not measured.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    finer, fine, coarse = _smoothed(grey)
    finest_gain, fine_gain = _gains(grey, finer, fine, coarse, around)
    # The grey that is mixed in, and the details' gains beyond 1: sums of the three smoothings.
    added = cv2.addWeighted(
        grey, _COLOUR_TAKEN + finest_gain - 1, finer, fine_gain - finest_gain, 0, dtype=cv2.CV_16S
    )
    added = cv2.addWeighted(added, 1.0, fine.astype(np.int16), 1 - fine_gain, 0)
    colour = crop.astype(np.int16)
    mixed = cv2.addWeighted(
        colour, 1 - _COLOUR_TAKEN, cv2.merge([added] * 3), 1.0, 0, dtype=cv2.CV_8U
    )
    return cv2.GaussianBlur(mixed, (0, 0), _SMOOTHING_PX).astype(np.uint8, copy=False)


def _smoothed(grey: Plane) -> list[Plane]:
    """The plane (n, n) smoothed by each of ``_SPREADS``."""
    planes, reached = [], 0.0
    for spread in _SPREADS:
        grey = cv2.GaussianBlur(grey, (0, 0), float(np.sqrt(spread**2 - reached**2))).astype(
            np.uint8, copy=False
        )
        planes.append(grey)
        reached = spread
    return planes


def _gains(
    grey: Plane, finer: Plane, fine: Plane, coarse: Plane, around: int
) -> tuple[float, float]:
    """Factors that bring the finest and the fine detail of planes (n, n) to their shares."""
    inner = (slice(around, -around),) * 2
    finest_detail, fine_detail, rest = (
        max(cv2.norm(one[inner], other[inner]), 1.0)
        for one, other in ((grey, finer), (finer, fine), (fine, coarse))
    )
    return (
        float(np.clip(_FINEST * rest / finest_detail, _LEAST_GAIN, _MOST_GAIN)),
        float(np.clip(_FINE * rest / fine_detail, _LEAST_GAIN, _MOST_GAIN)),
    )
