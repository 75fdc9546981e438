"""Search of a photo for faces, also small, turned and upside-down ones.

MediaPipe's short-range model looks at the whole photo and, unless a face fills it, at its four
overlapping quarters; where all faces are small the full-range model, which sees smaller ones, looks
at the quarters too. Where no face shows, the photo is tried turned by half and quarter turns, then
tiles of it by both. A place counts as a face once the mesh network says so of the crop there. The
mesh fits an upright face, badly, onto one that stands on its head; the full-range model does not
see such faces, so that for meshes that fit a mean face badly it has the last word on which way is
up, and then on whether there is a face at all: the mesh is also laid on cups, coins and noise.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from headwater.faces.affine import inverted, turn
from headwater.faces.canonical_crop import (
    MeshNetwork,
    PlacedMesh,
    Placement,
    placed_mesh,
    placement_of,
)
from headwater.faces.plausibility import misfit
from headwater.faces.resampling import resampled

FRAME_TO_FACE: Final = 3.0
# Places in a photo at which the search looks for a mesh, those in the whole photo first.
MAX_PLACES: Final = 256

# Over 20 portraits, upright faces scored 0.82 to 0.96 and upside-down ones 0 to 0.80.
_SURELY_UPRIGHT: Final = 0.85
# Over the same portraits, upright meshes were off by 0.014 to 0.039 and upside-down ones by 0.037
# to 0.064 face widths.
_SURELY_FITS: Final = 0.033
_CHECKED_SIDE_PX: Final = 256
# Meshes on what is no face were off by 0.032 to 0.057 face widths.
_UNDOUBTED_FIT: Final = 0.025
# The model sees an upright face best with four times its side around it (with 0.70 to 0.95 in 168
# of 168 photos and rendered views), and one that fills its photo with less. Of what is no face it
# saw none with either; with three times, a colour wheel.
_CONFIRMED_SIDES: Final = (4.0, 2.0)
_CONFIRMED_SCORE: Final = 0.5
# The short-range model takes a third of the time and sees best what fills a third. Of 77 meshes
# that fitted badly it was so sure of none that the full-range model did not confirm.
_NEAR_SIDES: Final = 3.0
_NEAR_SIDE_PX: Final = 128
_SURE_NEAR_SCORE: Final = 0.9
_MIN_TILE_PX: Final = 192
# Sides of the four tiles, as a share of the photo's: they overlap by a third of their own.
_QUARTER_SHARE: Final = 0.6
# Side of a face, as a share of the photo's longer side, from which on all other faces beside it are
# found in the whole photo too.
_FILLING_SHARE: Final = 0.35
# Side of the largest face, as a share of the photo's shorter side, below which it is rarely the
# only one.
_ALONE_SHARE: Final = 0.2
# Distance of two places, as a share of the larger one's side, below which they are one face.
_SAME_PLACE: Final = 0.5

Picture = NDArray[np.uint8]
Tile = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Detected(Placement):
    """A place at which a model detects a face, with this confidence, 0 to 1."""

    confidence: float


class FaceDetector(MeshNetwork, Protocol):
    """The part of ``mediapipe_adapter.MediaPipeFaces`` that a search needs.

    Places of faces are rows (n, 5): x and y of the centre and the longer side, px, the roll of the
    eyes, radians clockwise, and the confidence, 0 to 1.
    """

    def near_faces(self, rgb: Picture) -> NDArray[np.float64]:
        """Places of possible faces in an (H, W, 3) image."""
        ...

    def far_faces(self, rgb: Picture) -> NDArray[np.float64]:
        """Places of possible faces, also of smaller ones."""
        ...

    def near_score(self, rgb: Picture) -> float:
        """Confidence of the model of ``near_faces`` that the image shows a face, 0 to 1."""
        ...

    def upright_score(self, rgb: Picture) -> float:
        """Confidence that the image shows an upright face, 0 to 1."""
        ...


def search_faces(rgb: Picture, detector: FaceDetector, *, small: bool = False) -> list[PlacedMesh]:
    """Meshes of the faces of an (H, W, 3) photo, largest first; may be empty.

    small: tiles are searched for smaller faces although there are larger ones.
    """
    height, width = rgb.shape[:2]
    quarters = list(_quarters(width, height))
    places = _places(rgb, [(0, 0, width, height)], detector)
    if _largest(places) < _FILLING_SHARE * max(width, height):
        places += _places(rgb, quarters, detector)
    if small:
        places += _places(rgb, _tiles(width, height), detector, far=True)
    elif 0 < _largest(places) < _ALONE_SHARE * min(width, height):
        places += _places(rgb, quarters, detector, far=True)
    return (
        _faces(rgb, places, detector)
        or _search_turned(rgb, detector)
        or _faces(rgb, _places(rgb, _tiles(width, height), detector, far=True), detector)
    )


def upright_mesh(rgb: Picture, mesh: PlacedMesh, detector: FaceDetector) -> PlacedMesh:
    """The mesh, or that of the half-turned photo where that shows the face upright.

    Where the full-range model sees faces both ways up, the mesh of the half-turned photo is taken
    only if it also fits a mean face better.
    """
    if misfit(mesh.points) < _SURELY_FITS:
        return mesh
    to_cut = placement_of(mesh.points).square_map(FRAME_TO_FACE, _CHECKED_SIDE_PX)
    cut = resampled(rgb, to_cut, _CHECKED_SIDE_PX, _CHECKED_SIDE_PX)
    reversed_cut = np.rot90(cut, 2)
    score = detector.upright_score(cut)
    if score >= _SURELY_UPRIGHT or detector.upright_score(reversed_cut) <= score:
        return mesh
    to_reversed = turn(2, _CHECKED_SIDE_PX, _CHECKED_SIDE_PX) @ np.vstack([to_cut, [0, 0, 1]])
    places = [
        _moved(place, inverted(to_reversed[:2]))
        for place in _placements(detector.near_faces(reversed_cut))
    ]
    other = next(iter(_faces(rgb, places, detector)), mesh)
    return mesh if score > 0 and misfit(other.points) >= misfit(mesh.points) else other


def is_confirmed(rgb: Picture, mesh: PlacedMesh, detector: FaceDetector) -> bool:
    """True where an upright mesh lies on a face.

    It does where it fits a mean face well, or where a model that detects faces is sure of it, in
    the search already or looking again.
    """
    if mesh.confidence >= _SURE_NEAR_SCORE or misfit(mesh.points) < _UNDOUBTED_FIT:
        return True
    place = placement_of(mesh.points)
    near = _around(rgb, place, _NEAR_SIDES, _NEAR_SIDE_PX)
    return detector.near_score(near) >= _SURE_NEAR_SCORE or any(
        detector.upright_score(_around(rgb, place, sides, _CHECKED_SIDE_PX)) >= _CONFIRMED_SCORE
        for sides in _CONFIRMED_SIDES
    )


def _around(rgb: Picture, place: Placement, sides: float, px: int) -> Picture:
    """The upright square (px, px, 3) of so many times a face's side around it."""
    return resampled(rgb, place.square_map(sides, px), px, px)


def _search_turned(rgb: Picture, detector: FaceDetector) -> list[PlacedMesh]:
    height, width = rgb.shape[:2]
    for turns in (2, 1, 3):
        back = inverted(turn(turns, width, height)[:2])
        places = _placements(detector.near_faces(np.rot90(rgb, turns)))
        if faces := _faces(rgb, [_moved(place, back) for place in places], detector):
            return faces
    return []


def _largest(places: list[_Detected]) -> float:
    return max((place.side for place in places), default=0.0)


def _places(
    rgb: Picture, tiles: Iterable[Tile], detector: FaceDetector, *, far: bool = False
) -> list[_Detected]:
    """Places of possible faces in the photo, as the tiles show them."""
    places = []
    for x0, y0, x1, y1 in tiles:
        tile = rgb[y0:y1, x0:x1]
        rows = [detector.near_faces(tile), *([detector.far_faces(tile)] if far else ())]
        places += [
            replace(place, centre=place.centre + np.array([x0, y0]))
            for place in _placements(np.concatenate(rows))
        ]
    return places


def _placements(rows: NDArray[np.float64]) -> list[_Detected]:
    return [
        _Detected(row[:2], float(row[2]), float(row[3]), float(row[4]))
        for row in rows
        if row[2] > 0
    ]


def _faces(rgb: Picture, places: Iterable[_Detected], detector: FaceDetector) -> list[PlacedMesh]:
    """Meshes at the places that show a face, each face once, largest first."""
    shown: list[tuple[_Detected, PlacedMesh]] = []
    for place in list(places)[:MAX_PLACES]:
        if any(_is_same(place, other) for other, _ in shown):
            continue
        mesh = placed_mesh(rgb, place, detector)
        if mesh is not None:
            shown.append((place, replace(mesh, confidence=place.confidence)))
    kept: list[PlacedMesh] = []
    for _, mesh in sorted(shown, key=lambda one: -placement_of(one[1].points).side):
        if not any(_holds(other, mesh.points[:, :2].mean(axis=0)) for other in kept):
            kept.append(mesh)
    return kept


def _is_same(place: Placement, other: Placement) -> bool:
    distance = np.linalg.norm(place.centre - other.centre)
    return bool(distance < _SAME_PLACE * max(place.side, other.side))


def _holds(mesh: PlacedMesh, point: NDArray[np.float32]) -> bool:
    low, high = mesh.points[:, :2].min(axis=0), mesh.points[:, :2].max(axis=0)
    return bool((low <= point).all() and (point <= high).all())


def _moved(place: _Detected, affine: NDArray[np.float64]) -> _Detected:
    """The place under a similarity (2, 3)."""
    ahead = place.centre + np.array([np.cos(place.roll), np.sin(place.roll)])
    centre, level = np.stack([place.centre, ahead]) @ affine[:, :2].T + affine[:, 2]
    x, y = level - centre
    side = place.side * float(np.hypot(x, y))
    return replace(place, centre=centre, side=side, roll=float(np.arctan2(y, x)))


def _quarters(width: int, height: int) -> Iterator[Tile]:
    """The four corners of the image, each of more than half of its sides."""
    wide, high = max(1, int(_QUARTER_SHARE * width)), max(1, int(_QUARTER_SHARE * height))
    for y0 in (0, height - high):
        for x0 in (0, width - wide):
            yield x0, y0, x0 + wide, y0 + high


def _tiles(width: int, height: int) -> Iterator[Tile]:
    """The whole image, then tiles of a half and a quarter of its sides that overlap by half."""
    yield 0, 0, width, height
    for parts in (2, 4):
        tile_width, tile_height = width // parts, height // parts
        if min(tile_width, tile_height) < _MIN_TILE_PX:
            return
        for row in range(2 * parts - 1):
            for column in range(2 * parts - 1):
                x0, y0 = column * tile_width // 2, row * tile_height // 2
                yield x0, y0, x0 + tile_width, y0 + tile_height
