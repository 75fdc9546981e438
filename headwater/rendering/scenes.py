"""Look and camera of a synthetic view, as functions of the head's identifier alone."""

from dataclasses import dataclass

import numpy as np

from headwater.artifacts.ids import seed_of
from headwater.geometry.cameras import Camera
from headwater.rendering.looks import Look, relit, sample_look
from headwater.rendering.viewpoints import ViewKind, sample_camera


@dataclass(frozen=True)
class Shot:
    """A view of a head: its kind, the person's look in a scene, and the camera."""

    kind: ViewKind
    look: Look
    camera: Camera


def sample_shot(head: str, view: int, image_px: int) -> Shot:
    """Shot number ``view`` of the head with this identifier.

    View 0 is frontal, odd ones are from the side and the others free.

    The same arguments give the same shot, so a head can be rendered again with another
    expression. A head looks the same in all its views, under another light elsewhere.
    """
    kind: ViewKind = "frontal" if view == 0 else ("side" if view % 2 else "free")
    person = sample_look(np.random.default_rng(seed_of("person", head)))
    look = relit(person, np.random.default_rng(seed_of("scene", head, view)))
    camera = sample_camera(np.random.default_rng(seed_of("camera", head, view)), kind, image_px)
    return Shot(kind, look, camera)
