"""Toy heads whose pictures show where on the head each pixel is: maps are learned from few."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from headwater.data.scenes import Heads, Views
from headwater.geometry.cameras import project
from headwater.geometry.rasterise import rasterise
from headwater.systems.facevision.config import SIZES, FaceVisionConfig
from headwater.systems.facevision.data import Scenes
from tests.systems.toy_heads import toy_heads, toy_template, toy_views

TOY: FaceVisionConfig = SIZES["smoke"].model_copy(
    update={"crop_mm": 260.0, "components": 3, "anchors": 40, "estimated_views": False}
)


def painted(views: Views, heads: Heads) -> Views:
    """The views with the head's own coordinates as colours."""
    template = toy_template()
    low, extent = template.mean.min(axis=0), np.ptp(template.mean, axis=0)
    colours = (60 + 150 * (template.mean - low) / extent).astype(np.float32)
    images = []
    for row, image in enumerate(views.images):
        pixels, depth = project(views.camera(row), heads.vertices[views.head[row]])
        shown = rasterise(pixels, depth, template.faces, image.shape[1], image.shape[0])
        picture = np.full_like(image, 20)
        picture[shown.triangle >= 0] = shown.carry(colours, template.faces)
        images.append(picture)
    return replace(views, images=tuple(images))


@lru_cache(maxsize=4)
def toy_scenes(heads: int, views: int, seed: int = 0) -> Scenes:
    """Views of toy heads, of which the last sixth is held out where there are six."""
    every = toy_heads(heads, seed)
    seen = painted(toy_views(every, views, seed), every)
    split = np.where(seen.head < heads - heads // 6, "train", "validation")
    seen = replace(seen, split=split)
    return Scenes(seen, seen, every, toy_template())
