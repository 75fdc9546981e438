"""Toy heads whose pictures show where on the head each pixel is: maps are learned from few."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from headwater.data.face_codes import face_cut
from headwater.data.mapped_crops import mapped_crop
from headwater.data.scenes import Heads, Template, Views
from headwater.errors import ItemRejected
from headwater.geometry.cameras import project
from headwater.geometry.rasterise import rasterise
from headwater.systems.facevision.config import SIZES, FaceVisionConfig, map_size
from headwater.systems.facevision.data import MappedImage, TrainingSet, training_set
from tests.systems.toy_heads import toy_heads, toy_template, toy_views

TOY: FaceVisionConfig = SIZES["smoke"].model_copy(
    update={"crop_mm": 260.0, "components": 3, "anchors": 40, "estimated_views": False}
)


@dataclass(frozen=True)
class Scenes:
    """Views of true heads, by the cameras that took them."""

    views: Views
    heads: Heads
    template: Template


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
    return Scenes(seen, every, toy_template())


def toy_set(config: FaceVisionConfig, scenes: Scenes) -> TrainingSet:
    """Crops with the maps of their heads, of all views whose face is where it should be."""
    template, cut = scenes.template, face_cut(scenes.template)
    images = []
    for row in range(len(scenes.views)):
        view = scenes.views.choose(np.array([row]))
        head = int(view.head[0])
        vertices = scenes.heads.vertices[head]
        try:
            crop = mapped_crop(view, view.camera(0), vertices, template, cut, map_size(config))
        except ItemRejected:
            continue
        maps = np.concatenate([crop.maps.depth[None], crop.maps.codes.transpose(2, 0, 1)])
        images.append(
            MappedImage(
                crop.pixels,
                maps.astype(np.float16),
                crop.projection,
                head,
                held_out=view.split[0] == "validation",
                estimated=bool(view.estimated[0]),
            )
        )
    return training_set(config, images, scenes.heads, template)
