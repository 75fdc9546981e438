"""Places of frames in their photos, by the columns of their table."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.cameras import frame_from_photo_of
from headwater.artifacts.tables import Row
from headwater.faces.affine import inside_photo

PLACE_COLUMNS: Final = ("width", "height", "frame_from_photo", "photo_width", "photo_height")


def shown_in_photo(frame: Row) -> NDArray[np.bool_]:
    """Pixels (h, w) of a frame that lie in its photo, of a row that has ``PLACE_COLUMNS``."""
    return inside_photo(
        frame_from_photo_of(frame),
        frame["photo_width"],
        frame["photo_height"],
        frame["width"],
        frame["height"],
    )
