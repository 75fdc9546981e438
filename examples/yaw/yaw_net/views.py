"""Rendered views with their yaw, from the tables of a build."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from math import radians, sin
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from headwater.artifacts.cameras import rotation_of
from headwater.artifacts.images import decode_png
from headwater.artifacts.schemas import SYNTHETIC_FRAMES, TRUTH
from headwater.artifacts.tables import read_table
from headwater.metrics.strata import yaw_degrees


@dataclass(frozen=True)
class View:
    """A view of a head. image: (h, w, 3) uint8 sRGB. yaw_degrees: 0 from the front."""

    subject: str
    number: int
    image: NDArray[np.uint8]
    yaw_degrees: float


def rendered_views(data: Path, split: str) -> Iterator[View]:
    """The rendered views of a split, those of a head together."""
    where = pc.field("split") == split
    frames = read_table(data, SYNTHETIC_FRAMES, ["item", "split", "image"], where).to_pylist()
    images = {row["item"]: row["image"] for row in frames}
    columns = ["item", "subject", "split", "view", "rotation"]
    truth = read_table(data, TRUTH, columns, where).to_pylist()
    for row in sorted(truth, key=lambda row: (row["subject"], row["view"])):
        image = decode_png(images[row["item"]])
        yield View(row["subject"], row["view"], image, yaw_degrees(rotation_of(row)))


def count_views(data: Path, split: str) -> int:
    """The number of rendered views of a split."""
    return int(read_table(data, TRUTH, ["split"], pc.field("split") == split).num_rows)


def picture(view: View, predicted: float) -> bytes:
    """PNG of a view; a line from its middle points to each yaw: true green, predicted red."""
    image = Image.fromarray(view.image).resize((256, 256))
    draw = ImageDraw.Draw(image)
    for degrees, colour in ((view.yaw_degrees, "lime"), (predicted, "red")):
        draw.line([(128, 128), (128 - 120 * sin(radians(degrees)), 160)], fill=colour, width=5)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
