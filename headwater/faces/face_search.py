"""Look for faces in a photo, also small, turned and upside-down ones.

MediaPipe's face mesh looks at the whole photo first. Where it finds nothing, the photo is tried
turned by half and quarter turns, then around the boxes of detectors that find smaller faces, over
the photo and over overlapping tiles. The mesh fits an upright face, badly, onto one that stands on
its head; MediaPipe's full-range detector does not see such faces, so that for meshes that fit a
mean face badly it has the last word on which way is up.
"""

from collections.abc import Iterator
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from headwater.faces.affine import Box, area, map_points, square_around, turn
from headwater.faces.mediapipe_adapter import FaceLandmarks
from headwater.faces.plausibility import misfit
from headwater.faces.vocabulary import CHIN, FOREHEAD

FRAME_TO_FACE: Final = 3.0

# Over 20 portraits, upright faces scored 0.82 to 0.96 and upside-down ones 0 to 0.80.
_SURELY_UPRIGHT: Final = 0.85
# Over the same portraits, upright meshes were off by 0.014 to 0.039 and upside-down ones by 0.037
# to 0.064 face widths.
_SURELY_FITS: Final = 0.033
_CHECKED_SIDE_PX: Final = 256
_MIN_TILE_PX: Final = 192


class FaceDetector(Protocol):
    """What is needed of ``mediapipe_adapter.MediaPipeFaces``."""

    def detect(self, rgb: NDArray[np.uint8]) -> list[FaceLandmarks]:
        """Meshes of the faces in an (H, W, 3) image."""
        ...

    def detect_boxes(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Boxes (n, 4) of possible faces, px."""
        ...

    def upright_score(self, rgb: NDArray[np.uint8]) -> float:
        """How surely the image shows an upright face, 0 to 1."""
        ...


def search_faces(rgb: NDArray[np.uint8], detector: FaceDetector) -> list[FaceLandmarks]:
    """Faces of an (H, W, 3) photo, in px of it, in the detector's order; may be empty."""
    faces = detector.detect(rgb)
    return faces or _search_turned(rgb, detector) or _search_around_boxes(rgb, detector)


def quarter_turns_of(points: NDArray[np.float32]) -> int:
    """Counter-clockwise quarter turns after which the chin of (478, d) points is below."""
    right, down = points[CHIN, :2] - points[FOREHEAD, :2]
    return round(float(np.arctan2(-right, down)) / (np.pi / 2)) % 4


def face_that_stands_upright(
    rgb: NDArray[np.uint8], face: FaceLandmarks, detector: FaceDetector
) -> FaceLandmarks:
    """``face``, or the mesh of the half-turned photo where that shows it upright instead."""
    if misfit(face.points) < _SURELY_FITS:
        return face
    turns = quarter_turns_of(face.points)
    x0, y0, x1, y1 = square_around(face.box, FRAME_TO_FACE, rgb.shape[1], rgb.shape[0])
    cut = rgb[y0:y1, x0:x1]
    small = _reduced(cut, _CHECKED_SIDE_PX)
    score = detector.upright_score(np.rot90(small, turns))
    if score >= _SURELY_UPRIGHT or detector.upright_score(np.rot90(small, turns + 2)) <= score:
        return face
    faces = detector.detect(np.rot90(cut, turns + 2))
    if not faces:
        return face
    back = np.linalg.inv(turn(turns + 2, x1 - x0, y1 - y0))
    back[:2, 2] += x0, y0
    return _moved(max(faces, key=lambda found: area(found.box)), back)


def _search_turned(rgb: NDArray[np.uint8], detector: FaceDetector) -> list[FaceLandmarks]:
    height, width = rgb.shape[:2]
    for turns in (2, 1, 3):
        faces = detector.detect(np.rot90(rgb, turns))
        if faces:
            back = np.linalg.inv(turn(turns, width, height))
            return [_moved(face, back) for face in faces]
    return []


def _search_around_boxes(rgb: NDArray[np.uint8], detector: FaceDetector) -> list[FaceLandmarks]:
    height, width = rgb.shape[:2]
    for x0, y0, x1, y1 in _tiles(width, height):
        faces: list[FaceLandmarks] = []
        for left, top, right, bottom in detector.detect_boxes(rgb[y0:y1, x0:x1]).tolist():
            box = (left + x0, top + y0, right + x0, bottom + y0)
            cut = square_around(box, FRAME_TO_FACE, width, height)
            found = detector.detect(rgb[cut[1] : cut[3], cut[0] : cut[2]])
            back = np.array([[1.0, 0.0, cut[0]], [0.0, 1.0, cut[1]]])
            faces += [_moved(face, back) for face in found]
        if faces:
            return _without_repeats(faces)
    return []


def _tiles(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
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


def _reduced(rgb: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """At most ``side`` px a side; aliased, which a detector does not mind and costs little."""
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    step = max(1, int(0.5 / scale))
    size = tuple(max(1, round(n * scale)) for n in rgb.shape[1::-1])
    small = cv2.resize(rgb[::step, ::step], size, interpolation=cv2.INTER_LINEAR)
    return small.astype(np.uint8, copy=False)


def _moved(face: FaceLandmarks, affine: NDArray[np.float64]) -> FaceLandmarks:
    return FaceLandmarks(map_points(affine, face.points))


def _without_repeats(faces: list[FaceLandmarks]) -> list[FaceLandmarks]:
    """Faces whose centre lies in no larger kept face's box."""
    kept: list[FaceLandmarks] = []
    for face in sorted(faces, key=lambda face: -area(face.box)):
        x, y = face.points[:, :2].mean(axis=0).tolist()
        if not any(_inside(x, y, other.box) for other in kept):
            kept.append(face)
    return kept


def _inside(x: float, y: float, box: Box) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
