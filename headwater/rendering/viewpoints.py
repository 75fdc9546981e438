"""Random cameras as portrait photographers choose them."""

from typing import Literal

import numpy as np

from headwater.geometry.cameras import Camera, look_at

# Yaw, pitch and roll limits, degrees.
FRONTAL_DEGREES = (15.0, 10.0, 8.0)
SIDE_DEGREES = (50.0, 20.0, 15.0)
DISTANCE_MM = (400.0, 1500.0)
# How much of the picture's height a 240 mm tall head takes.
HEAD_MM = 240.0
HEAD_SHARE = (0.48, 0.82)
FACE_CENTRE_MM = (0.0, 12.0, 45.0)


# From the front (|yaw| <= 15 degrees, |pitch| <= 10) or turned to one side (15 to 50).
ViewKind = Literal["frontal", "side"]


def sample_camera(rng: np.random.Generator, view_kind: ViewKind, image_px: int) -> Camera:
    """A random camera with a square picture of ``image_px`` that the head fills with some room."""
    yaw_limit, pitch_limit, roll_limit = FRONTAL_DEGREES if view_kind == "frontal" else SIDE_DEGREES
    yaw = rng.uniform(-yaw_limit, yaw_limit)
    if view_kind == "side":
        yaw = rng.choice((-1, 1)) * rng.uniform(FRONTAL_DEGREES[0], yaw_limit)
    pitch = rng.uniform(-pitch_limit, pitch_limit)
    distance = np.exp(rng.uniform(*np.log(DISTANCE_MM)))
    turn, rise = np.deg2rad(yaw), np.deg2rad(pitch)
    away = np.array([np.sin(turn) * np.cos(rise), np.sin(rise), np.cos(turn) * np.cos(rise)])
    target = np.array(FACE_CENTRE_MM) + rng.normal(0, 4, size=3)
    R, t = look_at(target + distance * away, target, rng.uniform(-roll_limit, roll_limit))
    focal = image_px * distance * rng.uniform(*HEAD_SHARE) / HEAD_MM
    centre = image_px * (0.5 + rng.uniform(-0.05, 0.05, size=2))
    K = np.array([[focal, 0.0, centre[0]], [0.0, focal, centre[1]], [0.0, 0.0, 1.0]])
    return Camera(K, R, t, image_px, image_px)
