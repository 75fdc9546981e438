"""The interface of all parsers, and the face parts among the classes that they find."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import Part


class FrameParser(Protocol):
    """A parser, trained here or the user's own."""

    def classes(
        self, frame: NDArray[np.uint8], landmarks: NDArray[np.floating[Any]]
    ) -> NDArray[np.uint8]:
        """``FaceClass`` ids (n, n) of a frame (n, n, 3) with the face level in its middle.

        landmarks: (478, 2 or 3) px of the frame, finite, as detected there.
        """
        ...


def parsed_parts(
    parser: FrameParser,
    frame: NDArray[np.uint8],
    landmarks: NDArray[np.floating[Any]],
    shown: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Part ids (n, n) that a parser finds in a frame (n, n, 3); 0 where it is not ``shown``.

    landmarks: as of ``FrameParser.classes``.
    """
    classes = parser.classes(frame, landmarks)
    return np.where(shown & (classes <= max(Part)), classes, np.uint8(Part.NONE))
