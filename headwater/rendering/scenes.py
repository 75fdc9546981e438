"""The scene of a synthetic view - look and camera - as a function of its identifier alone."""

from dataclasses import dataclass

import numpy as np

from headwater.artifacts.ids import seed_of
from headwater.geometry.cameras import Camera
from headwater.rendering.looks import Look, sample_look
from headwater.rendering.viewpoints import sample_camera


@dataclass(frozen=True)
class Scene:
    """What a view shows beside the head itself. kind: "frontal" or "side"."""

    kind: str
    look: Look
    camera: Camera


def sample_scene(head: str, view: int, image_px: int) -> Scene:
    """Scene of view number ``view`` of the head with this identifier; view 0 is frontal.

    The same arguments give the same scene, so a head can be rendered again with another expression.
    """
    kind = "frontal" if view == 0 else "side"
    look = sample_look(np.random.default_rng(seed_of("look", head, view)))
    camera = sample_camera(np.random.default_rng(seed_of("camera", head, view)), kind, image_px)
    return Scene(kind, look, camera)
