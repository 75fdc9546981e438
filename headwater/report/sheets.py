"""Contact sheets: frames as small pictures with their layers drawn over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from headwater.report.frames import EDITS, METHODS, Edited, Frame
from headwater.report.pictures import (
    axes_layer,
    data_uri,
    depth_picture,
    landmarks_layer,
    mask_layer,
    parts_layer,
)

PHOTO_PX, VIEW_PX, EDIT_PX = 520, 224, 320
METHOD_WORDS = {"warp": "warped photo", "head_model": "rendered anew, exact"}


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
    """Cards of photos; the more there are, the smaller."""
    return [_card(frame, PHOTO_PX if len(frames) <= 6 else EDIT_PX) for frame in frames]


def synthetic_cards(frames: Sequence[Frame]) -> list[Card]:
    """Cards of rendered views."""
    return [_card(frame, VIEW_PX) for frame in frames]


def edited_cards(frames: Sequence[Edited]) -> list[EditedCard]:
    """Cards of frames beside their expressions."""
    return [
        EditedCard(
            frame.name,
            METHOD_WORDS[frame.method] if frame.method in METHODS else frame.method,
            data_uri(_square(frame.parent), EDIT_PX),
            [
                (
                    edit.replace("_", " "),
                    data_uri(_square(frame.edits[edit]), EDIT_PX) if edit in frame.edits else None,
                )
                for edit in EDITS
            ],
        )
        for frame in frames
    ]


def _square(picture: np.ndarray) -> np.ndarray:
    """The middle square of a picture (H, W, 3)."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]
