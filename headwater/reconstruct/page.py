"""One HTML page per head: turn it, play its descent; it loads nothing."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from headwater.faces.affine import map_points
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.reconstruct.cuts import cut_head
from headwater.reconstruct.doubts import view_note
from headwater.reconstruct.head import Head, SeenView
from headwater.viewer.encoding import data_uri
from headwater.viewer.marks import landmarks_layer
from headwater.viewer.model import viewer_model
from headwater.viewer.scripts import viewer_context
from headwater.viewer.studio import turned
from headwater.viewer.templating import render_page
from headwater.viewer.texture import Texture

PHOTO_PX, STILL_PX = 520, 520
SOURCES_PX = 1400
STILL_YAW = 28.0


@dataclass(frozen=True)
class ShownView:
    """A photo as the viewer's box shows it, cut around the head; marked: landmarks as SVG."""

    name: str
    image: str
    width: int
    height: int
    marked: Markup
    nme: float
    still: str
    vertices: int
    triangles: int


def head_page(
    head: Head,
    texture: Texture,
    files: dict[str, str],
    sources: NDArray[np.uint8] | None = None,
) -> str:
    """The page of a head.

    files: name and description of the files beside it, to link to. sources: picture (h, w, 3) of
    those of the head.
    """
    (still,) = turned(head.vertices, head.template.faces, [STILL_YAW], STILL_PX)
    notes = [view_note(view) for view in head.views]
    views = [_shown(view, head, data_uri(still, STILL_PX, 82)) for view in head.views]
    states = list(head.steps) or [head.vertices]
    model = viewer_model(head.name, states, head.template.faces, texture)
    size = np.ptp(head.vertices, axis=0)
    context: dict[str, object] = {
        "name": head.name,
        "views": views,
        "extent_mm": [float(length) for length in size],
        "steps": max(len(head.steps) - 1, 0),
        "files": files,
        "sources": None if sources is None else data_uri(sources, SOURCES_PX, 85),
        "notes": list(dict.fromkeys(filter(None, (*notes, head.doubt)))),
        **viewer_context([model]),
    }
    return render_page("headwater.reconstruct", "head.html", context)


def _shown(view: SeenView, head: Head, still: str) -> ShownView:
    cut = cut_head(view, head.vertices, PHOTO_PX)
    seen = view.face.seen[IBUG68_FROM_478]
    found = _in_cut(view.landmarks[IBUG68_FROM_478][seen], cut.from_photo)
    made = _in_cut(view.projected[IBUG68_FROM_478], cut.from_photo)
    height, width = cut.picture.shape[:2]
    return ShownView(
        view.face.name,
        data_uri(cut.picture, PHOTO_PX, 85),
        width,
        height,
        landmarks_layer(found, None) + landmarks_layer(None, made),
        view.error_percent,
        still,
        len(head.vertices),
        len(head.template.faces),
    )


def _in_cut(points: NDArray[np.float32], from_photo: NDArray[np.float64]) -> NDArray[np.float32]:
    return map_points(from_photo, points)
