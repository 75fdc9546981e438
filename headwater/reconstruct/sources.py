"""The sources of a head side by side: maps as pictures, and meshes from the front and side."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headwater.evaluation.heads.answer import SourceMesh, SourcePicture
from headwater.reconstruct.pictures import labelled, on_paper
from headwater.viewer.studio import turned

Picture = NDArray[np.uint8]

TILE_PX: Final = 280
PER_ROW: Final = 5
YAWS: Final = (0.0, 35.0)


def sources_picture(made: Sequence[SourcePicture | SourceMesh]) -> Picture:
    """(h, w, 3): a tile for each picture, and one for each mesh from each of ``YAWS`` degrees."""
    tiles = [tile for one in made for tile in _tiles(one)]
    per_row = min(len(tiles), PER_ROW)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % per_row)
    rows = [np.hstack(tiles[first : first + per_row]) for first in range(0, len(tiles), per_row)]
    return np.vstack(rows)


def _tiles(one: SourcePicture | SourceMesh) -> list[Picture]:
    if isinstance(one, SourcePicture):
        size = (TILE_PX, TILE_PX)
        # Pixels of a map stay visible as such.
        grown = Image.fromarray(one.pixels).resize(size, Image.Resampling.NEAREST)
        return [labelled(np.asarray(grown), one.name)]
    colours = None if one.colours is None else one.colours / 255.0
    views = turned(one.vertices, one.faces, YAWS, TILE_PX, colours)
    words = (one.name, f"from {YAWS[1]:.0f} degrees")
    return [labelled(on_paper(view), text) for view, text in zip(views, words, strict=True)]
