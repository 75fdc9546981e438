"""Noise that hides faces: its strength in a photo, and a copy without it."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

# Photos that look clean have up to 12; a dithered picture of black and white pixels has some 100.
NOISY_LEVELS: Final = 15.0
# Spread of the blur. Blurred so, all of the six portraits tried show their faces with 20 % of their
# pixels black or white, with noise of 70 levels, and with 1 bit a pixel by dithering or by a
# threshold; 1 to 3 px make no difference.
SMOOTHING_PX: Final = 1.5

# Second derivatives along x and y, in which a picture's edges hardly show.
_KERNEL: Final = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])


def noise_levels(rgb: Picture) -> float:
    """Standard deviation of the noise of an (H, W, 3) photo's brightness, of 255 levels.

    Immerkaer, Fast Noise Variance Estimation (1996).
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float64)
    response = np.abs(cv2.filter2D(grey, -1, _KERNEL, borderType=cv2.BORDER_REFLECT))
    return float(np.sqrt(np.pi / 2) * response.mean() / 6)


def is_spoilt(rgb: Picture) -> bool:
    """True for an (H, W, 3) photo of strong noise, or of two colours alone."""
    return noise_levels(rgb) >= NOISY_LEVELS or len(np.unique(rgb.reshape(-1, 3), axis=0)) == 2


def denoised(rgb: Picture) -> Picture:
    """The (H, W, 3) photo, smoothed by a Gaussian of ``SMOOTHING_PX``."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), SMOOTHING_PX), np.uint8)
