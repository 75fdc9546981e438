"""Step "parts": the eight face parts of every frame with landmarks.

From three providers: polygons of the landmarks, the trained parser, or a parser of the user's own.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import FRAMES, LANDMARKS, PARTS
from headwater.artifacts.tables import Row
from headwater.config import Params
from headwater.faces.photo_path import frame_parts
from headwater.parsing.frame_parser import FrameParser, parsed_parts
from headwater.parsing.prepared import parser_fingerprint, prepared_parser
from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run
from tasks.frame_places import PLACE_COLUMNS, shown_in_photo

# From the rows of a frame and of its landmarks to part ids (h, w).
Provider = Callable[[Row, Row], NDArray[np.uint8]]


def compute(work: Work, result: Result) -> None:
    """Find the parts of every frame of the bucket."""
    frames, landmarks = work.by_item(FRAMES), work.by_item(LANDMARKS)
    provider = _provider(work.params, work.project)
    for item in work.items:
        with result.rejecting(item):
            frame = frames[item.item]
            parts = encode_png(provider(frame, landmarks[item.item]), f"{item.item}-parts")
            result.add(PARTS, {**origin(frame), "parts": parts})


def _provider(params: Params, project: Path) -> Provider:
    parser = prepared_parser(params, project)
    return _drawn if parser is None else partial(_parsed, parser)


def _drawn(frame: Row, landmarks: Row) -> NDArray[np.uint8]:
    return frame_parts(landmarks_of(landmarks), shown_in_photo(frame))


def _parsed(parser: FrameParser, frame: Row, landmarks: Row) -> NDArray[np.uint8]:
    image = decode_png(frame["image"])
    return parsed_parts(parser, image, landmarks_of(landmarks), shown_in_photo(frame))


STEP = Step(
    name="parts",
    version=2,
    inputs=(
        Input(LANDMARKS, ("item", "subject", "landmarks_478_px")),
        Input(FRAMES, (*ORIGIN_COLUMNS, "image", *PLACE_COLUMNS)),
    ),
    outputs=(PARTS,),
    settings=lambda params: {},
    compute=compute,
    models=parser_fingerprint,
)

if __name__ == "__main__":
    run(STEP)
