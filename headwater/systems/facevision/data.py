"""Training images of FaceVision-GAN: crops of rendered views with the true maps of their heads."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.artifacts.columns import TableSchema
from headwater.data.canonical import UNIT_MM, to_canonical
from headwater.data.crops import crop_views
from headwater.data.placement import placed_views, true_placements
from headwater.data.scenes import FloatArray, Heads, Template, Views, stacked
from headwater.data.tables import read_heads, read_model, template_of
from headwater.data.training_tables import tables_read
from headwater.data.views import of_both, of_rendered, read_views
from headwater.errors import HeadwaterError
from headwater.geometry.cameras import project
from headwater.systems.facevision.codes import face_cut
from headwater.systems.facevision.config import FaceVisionConfig
from headwater.systems.facevision.maps import range_of, render_maps

Points = NDArray[np.floating[Any]]

# Of the crop's side, of a true nose tip from where the view's placement has it: further off, the
# face was misdetected and the crop shows another place.
MISPLACED = 0.15


def reads(config: FaceVisionConfig) -> tuple[TableSchema, ...]:
    """The tables that a training with these settings reads."""
    return tables_read(samples=False, estimated=config.estimated_views)


@dataclass(frozen=True)
class Scenes:
    """Rendered views of true heads: ``views`` as a question shows them, ``cameras`` as they were.

    cameras: the same views with their exact cameras. heads: in their own frames.
    """

    views: Views
    cameras: Views
    heads: Heads
    template: Template

    @property
    def training_heads(self) -> Heads:
        """Those that are not of the validation split, and are seen."""
        rows = np.unique(self.views.head[self.views.split == "train"])
        return Heads(self.heads.vertices[rows], self.heads.subjects[rows])


@dataclass(frozen=True)
class Examples:
    """Crops of n views with the true maps of their heads.

    pixels: (n, S, S, 3) uint8 RGB. maps: (n, 4, S, S) float16, depth and codes in 0..1, 0 where no
    face is. projection: (n, 3, 4) float32, canonical units to px in the crop. anchors: (n, m, 3)
    float32, of the cut's anchors on the true head, placed as the template is, px and depth, mm, by
    ``projection``. held_out, estimated: (n,) bool, of the validation split, and of views whose
    camera was estimated. head: (n,) their heads among the scenes'.
    """

    pixels: Tensor
    maps: Tensor
    projection: Tensor
    anchors: Tensor
    held_out: Tensor
    estimated: Tensor
    head: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def choose(self, rows: Tensor) -> "Examples":
        """The examples of some rows."""
        return Examples(*(getattr(self, one.name)[rows] for one in fields(self)))


def read_scenes(config: FaceVisionConfig, data: Path) -> Scenes:
    """The views of the training and validation splits below ``data`` in which a face was found.

    Raises HeadwaterError where there is none.
    """
    heads = read_heads(data, ("train", "validation"))
    exact = of_rendered(data, heads)
    annotations = of_both(data, heads) if config.estimated_views else exact
    by_item = {one.row["item"]: one.camera for one in exact}
    views = read_views(data, annotations)
    K, R, t = stacked([by_item[one.row["item"]] for one in annotations])
    seen = np.isfinite(views.landmarks_478_px).any(axis=(1, 2))
    if not (seen & (views.split == "train")).any():
        raise HeadwaterError(
            f"{data}: no rendered view of the split 'train' has landmarks; nothing to train on"
        )
    cameras = replace(views, K=K, R=R, t=t)
    template = template_of(read_model(data))
    return Scenes(views.choose(seen), cameras.choose(seen), heads, template)


def examples_of(config: FaceVisionConfig, scenes: Scenes) -> Examples:
    """Crops of the views with their maps; those whose face was misdetected are left out.

    A crop is where the view's own camera, placed by the landmarks as a lone photo's, sees the head.
    Depths are those of the exact camera, in the range of the mean head standing where the true head
    does.
    """
    template, cut = scenes.template, face_cut(scenes.template)
    placed = placed_views(scenes.views, template)
    crops = crop_views(placed, template.nose_bridge, config.image_px, config.crop_mm)
    placements = true_placements(scenes.heads, template)
    anchors = cut.anchors(config.anchors)
    tip = int(np.argmin(np.linalg.norm(cut.mean - template.nose_tip(template.mean), axis=1)))
    usual = seen_points(crops.projection, cut.mean[[tip]], template.nose_bridge)[:, 0, :2]
    maps, points, kept = [], [], []
    for row in range(len(crops)):
        number = int(scenes.views.head[row])
        camera, to_crop = scenes.cameras.camera(row), crops.to_crop[row]
        pixels, depth = project(camera, scenes.heads.vertices[number][cut.vertex])
        pixels = pixels @ to_crop[:2, :2].T + to_crop[:2, 2]
        if np.linalg.norm(pixels[tip] - usual[row]) > MISPLACED * config.image_px:
            continue
        mean = placements[number].inverse().apply(cut.mean)
        depths = range_of(project(camera, mean)[1])
        shown = render_maps(pixels, depth, cut, config.image_px, depths)
        stack = np.concatenate([shown.depth[None], shown.codes.transpose(2, 0, 1)])
        maps.append(stack.astype(np.float16))
        own = placements[number].apply(scenes.heads.vertices[number][cut.vertex[anchors]])
        points.append(seen_points(crops.projection[[row]], own, template.nose_bridge)[0])
        kept.append(row)
    if not kept:
        raise HeadwaterError("every view's face was misdetected; nothing to train on")
    return Examples(
        crops.pixels[kept][..., :3].contiguous(),
        torch.from_numpy(np.stack(maps)),
        crops.projection[kept],
        torch.from_numpy(np.stack(points).astype(np.float32)),
        torch.from_numpy(scenes.views.split[kept] == "validation"),
        torch.from_numpy(scenes.views.estimated[kept]),
        torch.from_numpy(scenes.views.head[kept].astype(np.int64)),
    )


def seen_points(projection: Tensor, places_mm: Points, origin_mm: FloatArray) -> FloatArray:
    """Px and depth, mm, (n, m, 3) of places (m, 3) mm of the template's frame in n crops.

    projection: (n, 3, 4), canonical units to px.
    """
    places = to_canonical(places_mm, origin_mm)
    seen = np.einsum("nij,mj->nmi", projection[..., :3].numpy(), places)
    seen += projection[..., 3].numpy()[:, None]
    return np.concatenate([seen[..., :2] / seen[..., 2:], seen[..., 2:] * UNIT_MM], axis=-1)
