"""Random cameras: portraits from the front and from the side, and photos as phones take them."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from headwater.geometry.cameras import Camera, look_at

# Least and largest share of the picture's height that a head of 240 mm takes.
HEAD_MM: Final = 240.0
HEAD_SHARE: Final = (0.48, 0.82)
FACE_CENTRE_MM: Final = (0.0, 12.0, 45.0)
# Largest distance of the optical axis from the picture's centre, as a share of its side: usually,
# and in pictures that are parts of a larger photo, which often cut the head.
OFF_CENTRE: Final = 0.05
CUT_OFF_CENTRE: Final = 0.25

ViewKind = Literal["frontal", "side", "free"]


@dataclass(frozen=True)
class Viewpoints:
    """Limits of a kind of views.

    least_yaw, yaw, pitch, roll: degrees, to either side. distance: least and most, mm, from the
    middle of the face; its logarithm is uniform. cut: share of pictures out of larger photos.
    """

    least_yaw: float
    yaw: float
    pitch: float
    roll: float
    distance: tuple[float, float]
    cut: float


VIEWPOINTS: Final[dict[ViewKind, Viewpoints]] = {
    "frontal": Viewpoints(0.0, 15.0, 10.0, 8.0, (400.0, 1500.0), 0.0),
    "side": Viewpoints(15.0, 50.0, 20.0, 15.0, (400.0, 1500.0), 0.0),
    # As near as an arm that is bent, 15 cm before the nose, and as far as across a room.
    "free": Viewpoints(0.0, 90.0, 40.0, 180.0, (210.0, 3000.0), 0.25),
}


def sample_camera(rng: np.random.Generator, view_kind: ViewKind, image_px: int) -> Camera:
    """A random camera with a square picture of ``image_px`` that the head fills with some room."""
    limits = VIEWPOINTS[view_kind]
    yaw = rng.choice((-1, 1)) * rng.uniform(limits.least_yaw, limits.yaw)
    pitch = rng.uniform(-limits.pitch, limits.pitch)
    distance = np.exp(rng.uniform(*np.log(limits.distance)))
    turn, rise = np.deg2rad(yaw), np.deg2rad(pitch)
    away = np.array([np.sin(turn) * np.cos(rise), np.sin(rise), np.cos(turn) * np.cos(rise)])
    target = np.array(FACE_CENTRE_MM) + rng.normal(0, 4, size=3)
    R, t = look_at(target + distance * away, target, rng.uniform(-limits.roll, limits.roll))
    focal = image_px * distance * rng.uniform(*HEAD_SHARE) / HEAD_MM
    off = CUT_OFF_CENTRE if rng.random() < limits.cut else OFF_CENTRE
    centre = image_px * (0.5 + rng.uniform(-off, off, size=2))
    K = np.array([[focal, 0.0, centre[0]], [0.0, focal, centre[1]], [0.0, 0.0, 1.0]])
    return Camera(K, R, t, image_px, image_px)
