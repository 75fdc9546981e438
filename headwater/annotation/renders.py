"""Renders of a head model in many poses, shapes, expressions and skin tones, for a parser."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.geometry.cameras import Camera
from headwater.heads.model import FloatArray, HeadModel
from headwater.heads.painting import Painter
from headwater.heads.sampling import named_expression, sample_expression, sample_shape
from headwater.rendering.calibrate_landmarks import picture, view_camera

YAW_DEGREES: Final = 45.0
PITCH_DEGREES: Final = 20.0
# Share of the renders with an open mouth: lips that touch hide their border.
OPEN_SHARE: Final = 0.5
# Range of the factor on the colours of the skin.
TONES: Final = (0.55, 1.1)


@dataclass(frozen=True)
class Pool:
    """A set of renders: their number, the side of the images in px, and their seed."""

    renders: int = 48
    image_px: int = 512
    seed: int = 0


class Render(NamedTuple):
    """image: (h, w, 3) uint8 of the head ``vertices`` (V, 3) mm, seen by ``camera``."""

    image: NDArray[np.uint8]
    vertices: FloatArray
    camera: Camera


def renders(model: HeadModel, pool: Pool) -> Iterator[Render]:
    """The pool of a head model; painted where it has landmarks, plain skin where it has none.

    Yaw and pitch are spread evenly over their ranges, whatever the seed.
    """
    rng = np.random.default_rng(pool.seed)
    painter = Painter(model, model.landmarks_478 if len(model.landmarks_478.triangles) else None)
    yaws, pitches = (_spread(limit, pool.renders, rng) for limit in (YAW_DEGREES, PITCH_DEGREES))
    own = painter.colours
    for yaw, pitch in zip(yaws, pitches, strict=True):
        vertices = _head(model, rng)
        camera = view_camera(yaw, pitch, pool.image_px)
        painter.colours = np.clip(own * rng.uniform(*TONES), 0.0, 1.0)
        yield Render(picture(painter, painter.dense(vertices), camera), vertices, camera)


def _spread(limit: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Numbers (count,) from -limit to limit, one in each of ``count`` equal ranges, shuffled."""
    places = (rng.permutation(count) + rng.random(count)) / count
    return np.asarray(limit * (2.0 * places - 1.0))


def _head(model: HeadModel, rng: np.random.Generator) -> FloatArray:
    """Vertices (V, 3) mm of a random head with a random expression."""
    shape = sample_shape(model, rng)
    expression = sample_expression(model, rng)
    if rng.random() < OPEN_SHARE and "jawOpen" in model.expression_names:
        expression = np.maximum(expression, named_expression(model, "open_mouth"))
    return model.vertices(shape, expression)
