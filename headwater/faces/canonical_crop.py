"""The canonical crop of a face: eye line level, of one size and place, mirrored too.

MediaPipe's mesh depends on the size, place and roll that a face has in its image, by 1 to 3 % of
the eye distance. Every landmark of the pipeline is therefore taken from a crop that the mesh itself
placed, of the size that the network takes, so that nothing else resamples it, and of one
brightness: dark photos shift landmarks too. The last mesh is the mean of the crop's and of its
mirror image's: the network sees the two sides of a face differently.
"""

from dataclasses import dataclass, replace
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.faces.affine import inverted, map_points
from headwater.faces.resampling import resampled
from headwater.faces.vocabulary import (
    CHIN,
    FOREHEAD,
    LEFT_OUTER_EYE_CORNER,
    MIRROR_PARTNERS,
    RIGHT_OUTER_EYE_CORNER,
)

CROP_PX: Final = 192
# As MediaPipe follows a face from one image of a film to the next. With 1.4 and 1.6, landmarks of
# rendered heads lie further from the true ones.
CROP_TO_FACE: Final = 1.5
# Pixels of a crop on every side of the face's square.
AROUND_PX: Final = (CROP_PX - round(CROP_PX / CROP_TO_FACE)) // 2
# A face that fills a crop by 1 % too little is measured as 0.25 % smaller than it is.
_FOLLOWED: Final = 0.25
# Mean level of the crop's middle, about that of usual portraits, and the gains that lead there.
_LEVEL: Final = 110.0
_LEAST_GAIN, _MOST_GAIN = 1.0, 3.0
# Least distance of the eyes, as a share of the face's length, at which they define the level; in
# profile it is less.
_SHORTEST_EYE_LINE: Final = 0.2


class MeshNetwork(Protocol):
    """The part of ``mediapipe_adapter.MediaPipeFaces`` that a crop needs."""

    def crop_mesh(self, crop: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """The mesh (478, 3), px, of the face that fills a crop; None where there is none."""
        ...


@dataclass(frozen=True)
class Placement:
    """The upright square of a face in an image.

    centre: (2,) px. side: px, the longer side of the level mesh. roll: radians by which the eye
    line is turned clockwise.
    """

    centre: NDArray[np.float64]
    side: float
    roll: float

    def square_map(self, factor: float, px: int) -> NDArray[np.float64]:
        """Similarity (2, 3), px of the image to a level square of ``px`` a side.

        The square spans ``factor`` times the face's side about its centre.
        """
        scale = px / (factor * self.side)
        cosine, sine = scale * np.cos(self.roll), scale * np.sin(self.roll)
        turn = np.array([[cosine, sine], [-sine, cosine]])
        return np.column_stack([turn, px / 2 - turn @ self.centre])

    def lowered(self, share: float) -> "Placement":
        """The place moved down the face by a share of its side."""
        down = np.array([-np.sin(self.roll), np.cos(self.roll)])
        return replace(self, centre=self.centre + share * self.side * down)

    def distance(self, other: "Placement") -> float:
        """The largest of what two places differ by: shares of the side, and radians."""
        shift = float(np.linalg.norm(other.centre - self.centre)) / self.side
        roll = (other.roll - self.roll + np.pi) % (2 * np.pi) - np.pi
        return max(shift, abs(float(np.log(other.side / self.side))), abs(roll))


@dataclass(frozen=True)
class PlacedMesh:
    """A face's mesh (478, 3), px of an image, and the place there of the next crop of it.

    confidence: 0 to 1, with which a model detected the face where its first crop was cut.
    """

    points: NDArray[np.float32]
    place: Placement
    confidence: float = 0.0


def placement_of(mesh: NDArray[np.float32]) -> Placement:
    """Placement of a mesh (478, 2 or 3), px.

    In profile, where the eye corners lie one behind the other, forehead and chin give the roll.
    """
    points = mesh[:, :2].astype(np.float64)
    level = points[LEFT_OUTER_EYE_CORNER] - points[RIGHT_OUTER_EYE_CORNER]
    right, down = points[CHIN] - points[FOREHEAD]
    upright = np.array([down, -right])
    if level @ upright < _SHORTEST_EYE_LINE * (upright @ upright):
        level = upright
    roll = float(np.arctan2(level[1], level[0]))
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    turned = points @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return Placement((low + high) / 2 @ turn, float((high - low).max()), roll)


def next_placement(place: Placement, mesh: NDArray[np.float32]) -> Placement:
    """Placement of the mesh (478, 2 or 3), px, that the crop at a place gave, for the next crop.

    The side that the network measures follows that of its crop by the power ``_FOLLOWED``; the
    side at which both would be the same is taken, so that it does not depend on the first place.
    """
    measured = placement_of(mesh)
    side = place.side * (measured.side / place.side) ** (1 / (1 - _FOLLOWED))
    return replace(measured, side=side)


def placed_mesh(
    rgb: NDArray[np.uint8], place: Placement, network: MeshNetwork
) -> PlacedMesh | None:
    """The mesh of an (H, W, 3) image's canonical crop at a place; None without a face there."""
    points = landmarks_in_crop(canonical_crop(rgb, place), place, network, mirrored=False)
    return None if points is None else PlacedMesh(points, next_placement(place, points))


def canonical_crop(rgb: NDArray[np.uint8], place: Placement) -> NDArray[np.uint8]:
    """The square (n, n, 3) around the face at a place of an (H, W, 3) image, of one brightness."""
    to_crop = place.square_map(CROP_TO_FACE, CROP_PX)
    return _of_one_brightness(resampled(rgb, to_crop, CROP_PX, CROP_PX))


def landmarks_in_crop(
    crop: NDArray[np.uint8], place: Placement, network: MeshNetwork, *, mirrored: bool
) -> NDArray[np.float32] | None:
    """Mesh (478, 3), px of the image, from its ``canonical_crop``; None without a face there.

    mirrored: the mean of the crop's mesh and of its mirror image's.
    """
    mesh = network.crop_mesh(crop)
    if mesh is None:
        return None
    if mirrored:
        other = network.crop_mesh(np.ascontiguousarray(crop[:, ::-1]))
        mesh = mesh if other is None else (mesh + _turned_back(other)) / np.float32(2)
    points = map_points(inverted(place.square_map(CROP_TO_FACE, CROP_PX)), mesh)
    points[:, 2] *= CROP_TO_FACE * place.side / CROP_PX
    return points


def _of_one_brightness(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop, as far as gains lead, with a mean of ``_LEVEL`` where its face lies."""
    middle = float(crop[AROUND_PX:-AROUND_PX, AROUND_PX:-AROUND_PX].mean())
    gain = float(np.clip(_LEVEL / max(middle, 1.0), _LEAST_GAIN, _MOST_GAIN))
    return cv2.convertScaleAbs(crop, alpha=gain).astype(np.uint8, copy=False)


def _turned_back(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mesh (478, 3) of a mirrored crop, px, in the crop itself."""
    turned: NDArray[np.float32] = mesh[MIRROR_PARTNERS].copy()
    turned[:, 0] = CROP_PX - turned[:, 0]
    return turned
