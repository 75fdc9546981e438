"""Step "maps": depth and correspondence maps of faces, where a system of the build trains on them.

One for every whole rendered view, and one for the crop of every frame by its estimated camera, and
of frames of rendered views also by the given one, at the size that the systems set. The heads of
rendered views are known; that of a photo is the head model fitted to its landmarks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from headwater.artifacts.cameras import CAMERA_COLUMNS, camera_of
from headwater.artifacts.ids import canonical_json, item_id
from headwater.artifacts.images import encode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.meshes import from_ply
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import CAMERAS, FRAMES, HEADS, LANDMARKS, MAPS, MASKS, TRUTH
from headwater.artifacts.tables import Row
from headwater.baselines.landmark_errors import assumed_errors
from headwater.baselines.landmark_fit import LandmarkFitter
from headwater.baselines.photo_fit import fitted_to_photo
from headwater.config import Params
from headwater.data.face_codes import FaceCut, face_cut
from headwater.data.face_maps import Maps, MapSize, in_levels, published_files
from headwater.data.scenes import FloatArray, Template, Views
from headwater.data.tables import template_of
from headwater.data.views import estimated_annotation, exact_annotation, views_of
from headwater.geometry.cameras import Camera, project
from headwater.heads.model import HeadModel
from headwater.metrics.strata import ESTIMATED, GIVEN
from headwater.pipeline.step import Input, Item, Result, Step, Work
from headwater.systems.settings import training_tables
from tasks.command import run
from tasks.frame_places import PLACE_COLUMNS
from tasks.head_model import head_model, head_model_fingerprint
from tasks.reads import recorded_map_size

VIEW, CROP = "view", "crop"
SYNTHETIC: Final = "synthetic"
PUBLISHED: Final = "3ddfa"
# Columns that are empty for views or for crops.
_OF_SOME: Final = ("image", "crop_mm", "published_depth", "published_pncc")


def items(tables: Mapping[str, pa.Table], params: Params) -> list[Item]:
    """One item for each rendered view, and one for each camera of each frame with landmarks."""
    found = {
        name: set(tables[name].column("item").to_pylist())
        for name in (LANDMARKS.name, MASKS.name, CAMERAS.name)
    }
    seen = set.intersection(*found.values())
    wanted = [_item(row, VIEW, GIVEN) for row in tables[TRUTH.name].to_pylist()]
    for row in tables[FRAMES.name].to_pylist():
        if row["source"] == SYNTHETIC and row["item"] in found[LANDMARKS.name]:
            wanted.append(_item(row, CROP, GIVEN))
        if row["item"] in seen:
            wanted.append(_item(row, CROP, ESTIMATED))
    return wanted


def _item(row: Row, picture: str, camera: str) -> Item:
    identifier = item_id("maps", row["item"], picture, camera)
    source = {"of": row["item"], "picture": picture, "camera": camera}
    name = f"{picture} of {row['item']}, camera {camera}"
    return Item(identifier, row["subject"], name, source)


def compute(work: Work, result: Result) -> None:
    """Render the maps of the bucket."""
    rows = {schema.name: work.by_item(schema) for schema in _READ}
    heads = _Heads(head_model(work.params, work.project), rows)
    size = recorded_map_size(work.project)
    for item in work.items:
        with result.rejecting(item):
            if item.source["picture"] == VIEW:
                row = _view_row(item, heads, published=work.params.maps.compat == PUBLISHED)
            else:
                row = _crop_row(item, heads, size)
            result.add(MAPS, row)


@dataclass(frozen=True)
class _Heads:
    """Heads and frames of a bucket. rows: by table, then item."""

    model: HeadModel
    rows: Mapping[str, Mapping[str, Row]]

    @cached_property
    def template(self) -> Template:
        return template_of(self.model)

    @cached_property
    def cut(self) -> FaceCut:
        return face_cut(self.template)

    @cached_property
    def fitter(self) -> LandmarkFitter:
        # Errors measured on all rendered views would make each bucket depend on all others.
        return LandmarkFitter(self.model, assumed_errors())

    def of_view(self, item: str) -> tuple[Row, FloatArray]:
        """The truth of a rendered view, and the vertices (V, 3) mm of its head."""
        truth = self.rows[TRUTH.name][item]
        mesh = self.rows[HEADS.name][truth["subject"]]["mesh"]
        return truth, from_ply(mesh["bytes"], mesh["path"])[0].astype(np.float32)

    def view(self, item: str, camera: str) -> Views:
        """A frame as a view, with its given or its estimated mask and camera."""
        frame = self.rows[FRAMES.name][item]
        landmarks = landmarks_of(self.rows[LANDMARKS.name][item])[None]
        if camera == GIVEN:
            annotation = exact_annotation(self.rows[TRUTH.name][item], frame, 0)
        else:
            found = (self.rows[MASKS.name][item], self.rows[CAMERAS.name][item])
            annotation = estimated_annotation(frame, *found)
        return views_of([annotation], {item: frame}, landmarks)

    def shown(self, item: str, view: Views) -> tuple[FloatArray, Camera]:
        """Vertices (V, 3), mm, of the head in a frame, and the camera that sees it there."""
        if self.rows[FRAMES.name][item]["source"] != SYNTHETIC:
            return fitted_to_photo(self.fitter, self.template, view)
        truth, vertices = self.of_view(item)
        return vertices, exact_annotation(truth, self.rows[FRAMES.name][item], 0).camera


def _view_row(item: Item, heads: _Heads, *, published: bool) -> Row:
    # It imports torch, for which a build without maps need not wait.
    from headwater.data.mapped_crops import true_maps, true_projection

    truth, vertices = heads.of_view(item.source["of"])
    camera, cut = camera_of(truth), heads.cut
    maps = true_maps(camera, np.eye(3), vertices, heads.template, cut, camera.width)
    projection = true_projection(camera, vertices, heads.template)
    row = _row(item, truth, truth["view"], maps, projection, cut)
    if not published:
        return row
    pixels, depth = project(camera, vertices[cut.vertex])
    places = np.column_stack([pixels - 0.5, -depth])
    files = published_files(places, cut.faces, cut.codes, camera.width, camera.height)
    names = ("published_depth", "published_pncc")
    pictures = {name: encode_png(one, name) for name, one in zip(names, files, strict=True)}
    return {**row, **pictures}


def _crop_row(item: Item, heads: _Heads, size: MapSize) -> Row:
    from headwater.data.mapped_crops import mapped_crop

    of = item.source["of"]
    view = heads.view(of, item.source["camera"])
    vertices, seen_by = heads.shown(of, view)
    crop = mapped_crop(view, seen_by, vertices, heads.template, heads.cut, size)
    frame = heads.rows[FRAMES.name][of]
    number = heads.rows[TRUTH.name][of]["view"] if frame["source"] == SYNTHETIC else 0
    return {
        **_row(item, frame, number, crop.maps, crop.projection, heads.cut),
        "image": encode_png(crop.pixels, item.item),
        "crop_mm": size.mm,
    }


def _row(item: Item, of: Row, view: int, maps: Maps, projection: FloatArray, cut: FaceCut) -> Row:
    """The row of maps, with ``_OF_SOME`` empty."""
    side = len(maps.mask)
    planes = {"depth": maps.depth}
    planes |= {f"code_{axis}": maps.codes[..., place] for place, axis in enumerate("xyz")}
    return {
        **dict.fromkeys(_OF_SOME),
        **origin(of, item=item.item, parent=of["item"]),
        "picture": item.source["picture"],
        "camera": item.source["camera"],
        "view": view,
        "width": side,
        "height": side,
        "near_mm": maps.range.near_mm,
        "far_mm": maps.range.far_mm,
        "projection": projection.ravel().tolist(),
        "codes_sha256": cut.digest,
        "mask": encode_png(maps.mask, f"{item.item}-mask"),
        **{
            name: encode_png(in_levels(values), f"{item.item}-{name}")
            for name, values in planes.items()
        },
    }


def wanted(params: Params, project: Path) -> bool:
    """True where a system of the build trains on maps at its chosen settings."""
    return any(schema is MAPS for schema in training_tables(params, project))


def _models(params: Params, project: Path) -> dict[str, str]:
    size = recorded_map_size(project)
    return {
        **head_model_fingerprint(params, project),
        "map_size": canonical_json([size.px, size.mm]),
    }


_INPUTS: Final = (
    Input(TRUTH, (*ORIGIN_COLUMNS, "view", "mask", "width", "height", *CAMERA_COLUMNS)),
    Input(HEADS, ("item", "subject", "mesh")),
    Input(FRAMES, (*ORIGIN_COLUMNS, "image", *PLACE_COLUMNS)),
    Input(LANDMARKS, ("item", "subject", "landmarks_478_px")),
    Input(MASKS, ("item", "mask")),
    Input(CAMERAS, ("item", *CAMERA_COLUMNS)),
)
_READ: Final = tuple(needed.schema for needed in _INPUTS)

STEP = Step(
    name="maps",
    version=1,
    inputs=_INPUTS,
    outputs=(MAPS,),
    settings=lambda params: params.maps.model_dump(),
    compute=compute,
    items=items,
    models=_models,
    wanted=wanted,
)

if __name__ == "__main__":
    run(STEP)
