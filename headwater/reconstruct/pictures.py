"""Pictures of a reconstruction: over its photos, and step by step."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from headwater.faces.affine import map_points
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.reconstruct.cuts import Cut, cut_head
from headwater.reconstruct.head import Head, SeenView
from headwater.rendering.plain import render_mesh
from headwater.viewer.studio import strip
from headwater.viewer.texture import seen_from

Picture = NDArray[np.uint8]

TILE_PX: Final = 640
STEP_PX: Final = 260
STEPS_PER_ROW: Final = 6
GAP_PX: Final = 8
LABEL_PX: Final = 26
PAPER: Final = (250, 249, 246)
INK: Final = (93, 90, 85)
WIRE: Final = (64, 224, 236)
DETECTED: Final = (255, 225, 77)
PREDICTED: Final = (52, 211, 224)
FINE: Final = (255, 255, 255)
SOLIDITY: Final = 0.88
_SUBPIXEL_BITS: Final = 4


def overlay(head: Head) -> Picture:
    """A row per photo: landmarks detected and predicted, the mesh shaded and as wire, over it."""
    rows = [_overlay_row(view, head) for view in head.views]
    width = max(row.shape[1] for row in rows)
    return np.vstack([labelled(_widened(row, width), name) for row, name in _named(rows, head)])


def steps_picture(head: Head) -> Picture:
    """The mesh after each step of the descent, from the random ball to the head."""
    pictures = strip(list(head.steps), head.template.faces, STEP_PX)
    tiles = [
        labelled(on_paper(picture), f"step {step}" if step else "start")
        for step, picture in enumerate(pictures)
    ]
    per_row = min(len(tiles), STEPS_PER_ROW)
    tiles += [np.full_like(tiles[0], PAPER)] * (-len(tiles) % per_row)
    rows = [np.hstack(tiles[i : i + per_row]) for i in range(0, len(tiles), per_row)]
    return np.vstack(rows)


def _overlay_row(view: SeenView, head: Head) -> Picture:
    faces = head.template.faces
    cut = cut_head(view, head.vertices, TILE_PX, enlarge=True)
    mesh = render_mesh(head.vertices, faces, cut.camera)
    solid = _blended(cut.picture, mesh[..., :3], mesh[..., 3] / 255 * SOLIDITY)
    tiles = [_landmarks(view, cut), solid, _wire(head, cut)]
    gap = np.full((cut.picture.shape[0], GAP_PX, 3), PAPER, np.uint8)
    return np.hstack([tiles[0], gap, tiles[1], gap, tiles[2]])


def _landmarks(view: SeenView, cut: Cut) -> Picture:
    picture = cut.picture
    seen = view.face.seen
    sets = (
        (view.landmarks[seen], FINE, 1.0),
        (view.projected[IBUG68_FROM_478], PREDICTED, 3.0),
        (view.landmarks[IBUG68_FROM_478][seen[IBUG68_FROM_478]], DETECTED, 2.2),
    )
    for points, colour, radius in sets:
        layer = np.zeros(picture.shape[:2], np.uint8)
        for x, y in _fixed(map_points(cut.from_photo, points)):
            size = round(radius * 2**_SUBPIXEL_BITS)
            cv2.circle(layer, (int(x), int(y)), size, (255,), -1, cv2.LINE_AA, _SUBPIXEL_BITS)
        picture = _blended(picture, np.array(colour, np.uint8), layer / 255)
    return picture


def _wire(head: Head, cut: Cut) -> Picture:
    """The edges that the photo's camera sees."""
    faces = head.template.faces
    edges = np.unique(
        np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])), axis=0
    )
    seen = seen_from(cut.camera, head.vertices, faces) > 0
    edges = edges[seen[edges].all(axis=1)]
    camera = head.vertices.astype(np.float64) @ cut.camera.R.T + cut.camera.t
    pixels = camera @ cut.camera.K.T
    places = _fixed((pixels[:, :2] / pixels[:, 2:]).astype(np.float32))
    layer = np.zeros(cut.picture.shape[:2], np.uint8)
    lines = list(places[edges].reshape(-1, 2, 1, 2))
    cv2.polylines(layer, lines, False, (255,), 1, cv2.LINE_AA, _SUBPIXEL_BITS)
    return _blended(cut.picture, np.array(WIRE, np.uint8), layer / 255 * 0.5)


def _fixed(points: NDArray[np.float32]) -> NDArray[np.int32]:
    """Points (n, 2) px as OpenCV takes them: from pixel centres, fixed-point."""
    near = np.clip(points.astype(np.float64), -1e5, 1e5)
    return np.rint((near - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)


def _blended(under: Picture, over: NDArray[np.uint8], share: NDArray[np.floating]) -> Picture:
    """``over`` (h, w, 3) or (3,) on ``under`` (h, w, 3) with opacity (h, w)."""
    mixed = under + (over.astype(np.float32) - under) * share[..., None].astype(np.float32)
    return np.asarray(np.rint(mixed), np.uint8)


def _named(rows: Sequence[Picture], head: Head) -> list[tuple[Picture, str]]:
    many = len(rows) > 1
    return [
        (
            row,
            (f"{view.face.name}   " if many else "")
            + "white: detected landmarks, yellow: 68 of them   cyan: the mesh's   "
            f"error {view.error_percent:.1f} % of the eye distance",
        )
        for row, view in zip(rows, head.views, strict=True)
    ]


def _widened(picture: Picture, width: int) -> Picture:
    spare = width - picture.shape[1]
    parts = (spare // 2, spare - spare // 2)
    sides = [np.full((picture.shape[0], part, 3), PAPER, np.uint8) for part in parts]
    return np.hstack([sides[0], picture, sides[1]])


def on_paper(picture: Picture) -> Picture:
    """An RGBA picture on paper, (h, w, 3)."""
    paper = np.broadcast_to(np.array(PAPER, np.uint8), (*picture.shape[:2], 3))
    return _blended(paper, picture[..., :3], picture[..., 3] / 255)


def labelled(picture: Picture, text: str) -> Picture:
    """The picture with a line of text below it."""
    sheet = Image.new("RGB", (picture.shape[1], LABEL_PX), PAPER)
    font = ImageFont.load_default(15)
    shown = text
    while len(shown) > 1 and font.getlength(shown) > sheet.width - 12:
        shown = shown[:-2] + "…"
    ImageDraw.Draw(sheet).text((sheet.width / 2, LABEL_PX / 2), shown, INK, font, anchor="mm")
    return np.vstack([picture, np.asarray(sheet)])
