"""Contact sheets: frames as small pictures with their layers drawn over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from headwater.report.frames import METHODS, Edited, Frame
from headwater.report.pictures import axes_layer, depth_picture, mask_layer, parts_layer
from headwater.viewer.encoding import data_uri
from headwater.viewer.marks import landmarks_layer

PHOTO_PX, VIEW_PX, EDIT_PX = 400, 224, 320
METHOD_WORDS = {
    "warp": "by warping the picture",
    "generator": "painted by a network",
    "head_model": "rendered anew, exact",
}


@dataclass(frozen=True)
class Card:
    """A frame on a sheet. layers: SVG groups in its pixels; depth: a picture over it."""

    name: str
    note: str
    image: str
    width: int
    height: int
    layers: Markup
    depth: str | None


@dataclass(frozen=True)
class EditedCard:
    """A frame's picture and those of its expressions, None where an edit was rejected."""

    name: str
    method: str
    parent: str
    edits: list[tuple[str, str | None]]


def _layers(frame: Frame) -> Markup:
    layers = Markup("")
    if frame.parts is not None:
        layers += parts_layer(frame.parts)
    if frame.mask is not None:
        layers += mask_layer(frame.mask)
    if frame.landmarks_68 is not None or frame.landmarks_478 is not None:
        layers += landmarks_layer(frame.landmarks_68, frame.landmarks_478)
    if frame.camera is not None:
        layers += axes_layer(frame.camera)
    return layers


def _card(frame: Frame, width: int) -> Card:
    height_px, width_px = frame.image.shape[:2]
    depth = data_uri(depth_picture(frame.depth), width, 70) if frame.depth is not None else None
    return Card(
        frame.name,
        frame.note,
        data_uri(frame.image, width),
        width_px,
        height_px,
        _layers(frame),
        depth,
    )


def photo_cards(frames: Sequence[Frame]) -> list[Card]:
    """Cards of photos."""
    return [_card(frame, PHOTO_PX) for frame in frames]


def synthetic_cards(frames: Sequence[Frame]) -> list[Card]:
    """Cards of rendered views."""
    return [_card(frame, VIEW_PX) for frame in frames]


def edited_cards(frames: Sequence[Edited]) -> list[EditedCard]:
    """Cards of frames beside their expressions."""
    return [
        EditedCard(
            frame.name,
            METHOD_WORDS[frame.method] if frame.method in METHODS else frame.method,
            data_uri(_cut(frame.parent, frame.box), EDIT_PX),
            [
                (
                    edit.replace("_", " "),
                    None if picture is None else data_uri(_cut(picture, frame.box), EDIT_PX),
                )
                for edit, picture in frame.edits.items()
            ],
        )
        for frame in frames
    ]


def _cut(picture: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    left, top, right, bottom = box
    return picture[top:bottom, left:right]
