"""A parser of the user's own, an ONNX file whose maps are the classes of a published order."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import FaceClass
from headwater.networks.frozen_net import FrozenNet, open_net
from headwater.parsing.augmentation import mirror_names
from headwater.parsing.crop import classes_in_frame, cropped
from headwater.parsing.label_orders import LABEL_ORDERS
from headwater.parsing.parser import network_input
from headwater.training.determinism import deterministic

_PAIRS: Final = (
    (FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE),
    (FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW),
)


@dataclass(frozen=True)
class OnnxParser:
    """A user's parser. classes_of: of each of its maps the class that it stands for."""

    net: FrozenNet
    classes_of: tuple[FaceClass, ...]

    @torch.no_grad()
    def classes(
        self, frame: NDArray[np.uint8], landmarks: NDArray[np.floating[Any]] | None = None
    ) -> NDArray[np.uint8]:
        """Classes (n, n) of a frame (n, n, 3) with the face level in its middle.

        landmarks: not looked at. Beyond the crop around the face all is background. Raises
        HeadwaterError as ``FrozenNet.answer``, and for maps that are not square.
        """
        with deterministic(threads=1):
            scores = self.net.answer(network_input(cropped(frame, self.net.side)))[0]
        if scores.shape[1] != scores.shape[2]:
            height, width = scores.shape[1:]
            raise HeadwaterError(f"{self.net.path}: gives maps of {height} x {width}, no square")
        return np.array(self.classes_of, np.uint8)[classes_in_frame(scores, frame.shape[0])]

    def mirrored(self) -> "OnnxParser":
        """The same parser with left and right exchanged in the names of its classes."""
        partners = mirror_names().tolist()
        return replace(self, classes_of=tuple(FaceClass(partners[one]) for one in self.classes_of))


def open_parser(path: Path, content: bytes, order: str) -> OnnxParser:
    """The parser that ``content`` of the file ``path`` holds, its sides as its letters have them.

    order: a name in ``LABEL_ORDERS``. Raises HeadwaterError for a file that is no such parser.
    """
    net = open_net(path, content, side=None, threads=1)
    classes = LABEL_ORDERS[order]
    if net.maps != len(classes):
        raise HeadwaterError(
            f"{path}: gives {net.maps} maps, but {order} has {len(classes)} classes; "
            "set parts.labels in params.yaml to the order that it was trained with"
        )
    return OnnxParser(net, classes)


def sides_swapped(parser: OnnxParser, frontal: NDArray[np.uint8]) -> bool:
    """True where the parser's left is the image's: tried on the frame (n, n, 3) of a frontal face.

    Raises HeadwaterError where it finds no two eyes or brows beside each other there.
    """
    classes = parser.classes(frontal)
    to_the_right = 0.0
    for left, right in _PAIRS:
        columns = [np.nonzero(classes == one)[1] for one in (left, right)]
        if all(len(one) for one in columns):
            to_the_right += float(columns[0].mean() - columns[1].mean())
    if to_the_right == 0:
        raise HeadwaterError(
            f"{parser.net.path}: finds no pair of eyes or brows in a frontal portrait; "
            "set parts.labels in params.yaml to the order that it was trained with"
        )
    # The subject's left is on the right of an unmirrored picture.
    return to_the_right < 0
