"""The interface of all parsers, and the face parts among the classes that they find."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import Part


class FrameParser(Protocol):
    """A parser, trained here or the user's own."""

    def classes(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``FaceClass`` ids (n, n) of a frame (n, n, 3) with the face level in its middle."""
        ...


def parsed_parts(
    parser: FrameParser, frame: NDArray[np.uint8], shown: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Part ids (n, n) that a parser finds in a frame (n, n, 3); 0 where it is not ``shown``."""
    classes = parser.classes(frame)
    return np.where(shown & (classes <= max(Part)), classes, np.uint8(Part.NONE))
