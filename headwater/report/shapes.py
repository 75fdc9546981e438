"""Reconstructions to look at: turned views, the descent as a strip, error heat maps."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from headwater.faces.vocabulary import IBUG_NOSE_TIP
from headwater.geometry.cameras import project
from headwater.metrics.scan_to_mesh import face_sphere
from headwater.rendering.plain import CLAY, render_mesh
from headwater.report.evaluation import Evaluation, Reconstruction
from headwater.report.frames import face_square
from headwater.report.renders import HEAT_LIMIT_MM, heat_colours, heat_gradient
from headwater.viewer.encoding import data_uri
from headwater.viewer.marks import landmarks_layer
from headwater.viewer.studio import steps_to_show, studio_camera, turned
from headwater.viewer.studio import strip as rendered_strip

TURNED_PX, STRIP_PX, HEAT_PX = 340, 240, 300
HEAD_SHARE = 1.35
NOSE_TIP_CANDIDATES = 12
YAWS = (-62.0, -28.0, 0.0, 28.0, 62.0)
STILL = 3
PICTURE_PHOTOS = 2
PICTURE_PX = 300
PAPER = (250, 249, 246)


@dataclass(frozen=True)
class Portrait:
    """A reconstructed photo. face: cut around the head. turned: (angle, picture).

    marked: the two sets of 68 landmarks over the image.
    """

    name: str
    face: str
    image: str
    width: int
    height: int
    marked: Markup
    nme: float | None
    turned: list[tuple[str, str]]
    strip: list[tuple[str, str]]
    triangles: int
    vertices: int

    @property
    def still(self) -> str:
        """The picture that stands in for the 3D view where there is no WebGL."""
        return self.turned[STILL][1]


@dataclass(frozen=True)
class HeatCard:
    """A test head: its photo, the truth, the reconstruction, the error on it, and figures."""

    name: str
    kind: str
    pictures: list[tuple[str, str]]
    error: float | None
    baseline: float | None


@dataclass(frozen=True)
class Shapes:
    """Contents of the section.

    descends: whether heads are made step by step. picture: PNG of the reconstructions, for use
    elsewhere.
    """

    portraits: list[Portrait]
    heat: list[HeatCard]
    gradient: str
    limit_mm: float
    descends: bool
    picture: bytes | None


def shapes_section(evaluation: Evaluation) -> Shapes:
    """Render everything the section shows."""
    photos = [one for one in evaluation.reconstructions if one.kind == "photo"]
    views = [turned(one.vertices, one.faces, YAWS, TURNED_PX) for one in photos]
    return Shapes(
        [_portrait(one, pictures) for one, pictures in zip(photos, views, strict=True)],
        [_heat(one) for one in evaluation.reconstructions if one.truth is not None],
        heat_gradient(),
        HEAT_LIMIT_MM,
        any(one.steps for one in evaluation.reconstructions) or not evaluation.reconstructions,
        _picture(photos[:PICTURE_PHOTOS], views[:PICTURE_PHOTOS]),
    )


def _portrait(one: Reconstruction, views: Sequence[NDArray[np.uint8]]) -> Portrait:
    height, width = one.image.shape[:2]
    marked = landmarks_layer(one.detected, None) + landmarks_layer(None, one.landmarks)
    return Portrait(
        one.name,
        data_uri(_head_cut(one), TURNED_PX, 84),
        data_uri(one.image, 520),
        width,
        height,
        marked,
        one.error["landmark_nme_percent"] if one.error else None,
        [(f"{yaw:+.0f}°", data_uri(v, TURNED_PX, 82)) for yaw, v in zip(YAWS, views, strict=True)],
        _strip(one),
        len(one.faces),
        len(one.vertices),
    )


def _head_cut(one: Reconstruction) -> NDArray[np.uint8]:
    low, high = one.detected.min(axis=0), one.detected.max(axis=0)
    # The landmarks end at the brows; the crown is about half as much again above them.
    crown = np.array([(low[0] + high[0]) / 2, low[1] - 0.5 * (high[1] - low[1])])
    points = np.vstack([one.detected, crown]).astype(np.float32)
    left, top, right, bottom = face_square(points, one.image, HEAD_SHARE)
    return one.image[top:bottom, left:right]


def _strip(one: Reconstruction) -> list[tuple[str, str]]:
    if not one.steps:
        return []
    shown = steps_to_show(len(one.steps))
    pictures = rendered_strip([one.steps[step] for step in shown], one.faces, STRIP_PX)
    return [
        ("start" if step == 0 else str(step), data_uri(picture, STRIP_PX, 78))
        for step, picture in zip(shown, pictures, strict=True)
    ]


def _heat(one: Reconstruction) -> HeatCard:
    assert one.truth is not None
    true_vertices, true_faces = one.truth
    camera = studio_camera(true_vertices, 26.0, 4.0, HEAT_PX)
    pictures = [
        ("seen", one.image),
        ("truth", render_mesh(true_vertices, true_faces, camera)),
        ("reconstruction", render_mesh(one.vertices, one.faces, camera)),
    ]
    if one.distance is not None:
        colours = heat_colours(one.distance)
        colours[~measured(one)] = CLAY
        pictures.append(("error", render_mesh(one.vertices, one.faces, camera, colours)))
    error = one.error or {}
    return HeatCard(
        one.name,
        one.kind,
        [(name, data_uri(picture, HEAT_PX, 82)) for name, picture in pictures],
        error.get("face_scan_to_mesh_mm"),
        error.get("mean_head_face_scan_to_mesh_mm"),
    )


def measured(one: Reconstruction) -> NDArray[np.bool_]:
    """Mask (V,) of the vertices in the metric's sphere around the tip of the nose."""
    pixels, depth = project(one.camera, one.vertices)
    offset = np.linalg.norm(pixels - one.landmarks[IBUG_NOSE_TIP], axis=1)
    nearest = np.argsort(offset, kind="stable")[:NOSE_TIP_CANDIDATES]
    tip = one.vertices[nearest[np.argmin(depth[nearest])]]
    inside = np.zeros(len(one.vertices), bool)
    inside[face_sphere(one.vertices, tip)] = True
    return inside


def _on_paper(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3 or 4) square, as (PICTURE_PX, PICTURE_PX, 3) on paper."""
    tile = Image.fromarray(picture).resize((PICTURE_PX, PICTURE_PX), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", tile.size, PAPER)
    sheet.paste(tile, mask=tile if tile.mode == "RGBA" else None)
    return np.asarray(sheet)


def _picture(
    photos: Sequence[Reconstruction], views: Sequence[Sequence[NDArray[np.uint8]]]
) -> bytes | None:
    """PNG with a row per photo: the photo and its reconstruction from several sides."""
    if not photos:
        return None
    rows = [
        np.hstack([_on_paper(p) for p in (_head_cut(one), *pictures)])
        for one, pictures in zip(photos, views, strict=True)
    ]
    buffer = io.BytesIO()
    Image.fromarray(np.vstack(rows)).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()
