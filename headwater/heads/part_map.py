"""Face parts of a head's topology: a map of them over the mean head's (x, y) plane.

The map is drawn once round the landmarks of the mean head. A point of any head of the topology,
whatever its shape and expression, finds its part through its place on the mean head.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from headwater.faces import vocabulary as sets
from headwater.faces.vocabulary import Part
from headwater.geometry.rasterise import Raster, rasterise
from headwater.heads.model import FloatArray, IntArray, Surface, SurfacePoints

MAP_STEP_MM: Final = 0.3
MAP_MARGIN_MM: Final = 14.0
# The skin behind the foremost surface by more than this is not of the face that is seen there.
FRONT_TOLERANCE_MM: Final = 7.0

# Drawn in this order, later parts over earlier ones.
PART_LOOPS: Final = (
    (Part.SKIN, sets.FACE_OVAL),
    (Part.NOSE, sets.NOSE),
    (Part.LEFT_BROW, sets.LEFT_BROW),
    (Part.RIGHT_BROW, sets.RIGHT_BROW),
    (Part.UPPER_LIP, sets.UPPER_LIP),
    (Part.LOWER_LIP, sets.LOWER_LIP),
)


@dataclass(frozen=True)
class FaceGrid:
    """Cells of a map over the mean head's (x, y) plane; row 0 is the top.

    left, top: mm of the outer edge of the first cell. width, height: cells. landmarks: (478, 3) mm
    of the mean head.
    """

    left: float
    top: float
    width: int
    height: int
    landmarks: FloatArray

    def places(self, points: tuple[int, ...]) -> list[tuple[float, float]]:
        """Columns and rows of landmarks, with cell centres at whole numbers, as PIL counts."""
        origin = (self.left, self.top)
        at = (self.landmarks[list(points), :2] - origin) / (MAP_STEP_MM, -MAP_STEP_MM)
        return [(float(x) - 0.5, float(y) - 0.5) for x, y in at]

    def filled(self, *loops: tuple[int, ...]) -> NDArray[np.bool_]:
        """Cells (height, width) inside any of the loops of landmarks."""
        image = Image.new("1", (self.width, self.height))
        for loop in loops:
            ImageDraw.Draw(image).polygon(self.places(loop), fill=1)
        return np.array(image)

    def parts(self) -> NDArray[np.uint8]:
        """Part ids (height, width) of the skin."""
        parts = np.zeros((self.height, self.width), dtype=np.uint8)
        for part, loop in PART_LOOPS:
            parts[self.filled(loop)] = part
        parts[self.filled(sets.INNER_LIPS) & (parts == Part.SKIN)] = Part.NONE
        return parts

    def seen_from_the_front(self, mean: FloatArray, faces: IntArray) -> Raster:
        """The mean head (V, 3) mm as the cells show it; depth: mm behind z = 0, with a sign."""
        columns = (mean[:, 0] - self.left) / MAP_STEP_MM
        rows = (self.top - mean[:, 1]) / MAP_STEP_MM
        pixels = np.stack([columns, rows], axis=1)
        return rasterise(pixels, -mean[:, 2], faces, self.width, self.height, perspective=False)


def face_grid(landmarks: FloatArray) -> FaceGrid:
    """The grid round the face oval of landmarks (478, 3) mm on the mean head."""
    oval = landmarks[list(sets.FACE_OVAL), :2]
    left, bottom = oval.min(axis=0) - MAP_MARGIN_MM
    right, top = oval.max(axis=0) + MAP_MARGIN_MM
    width, height = (int(np.ceil(side / MAP_STEP_MM)) for side in (right - left, top - bottom))
    return FaceGrid(left, top, width, height, landmarks)


@dataclass(frozen=True)
class PartMap:
    """left, top: mm of the outer edge of the first cell. parts: (H, W) uint8 part ids of the skin.

    front: (H, W) float32 z of the foremost surface, mm, -infinity beside the head.
    """

    left: float
    top: float
    parts: NDArray[np.uint8]
    front: FloatArray

    def cells(self, mean: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
        """Flat cell index (n,) of mean positions (n, 3) mm; outside is clipped to the border."""
        height, width = self.parts.shape
        column = np.clip((mean[:, 0] - self.left) / MAP_STEP_MM, 0, width - 1).astype(np.intp)
        row = np.clip((self.top - mean[:, 1]) / MAP_STEP_MM, 0, height - 1).astype(np.intp)
        return row * width + column

    def part_ids(
        self, mean: NDArray[np.floating[Any]], surface: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Part ids (n,) of points with mean positions (n, 3) mm on ``surface`` (n,)."""
        cells = self.cells(mean)
        hidden = self.front.reshape(-1)[cells] - mean[:, 2] > FRONT_TOLERANCE_MM
        parts = np.where(hidden, np.uint8(0), self.parts.reshape(-1)[cells])
        parts[surface != Surface.SKIN] = Part.NONE
        eye = (surface == Surface.EYEBALL) | (surface == Surface.EYE_SOCKET)
        parts[eye] = np.where(mean[eye, 0] > 0, Part.LEFT_EYE, Part.RIGHT_EYE)
        return parts


def part_map(mean: FloatArray, faces: IntArray, landmarks_478: SurfacePoints) -> PartMap:
    """The map of a topology with the mean head (V, 3) mm, without rays."""
    grid = face_grid(landmarks_478.on(mean))
    front = -grid.seen_from_the_front(mean, faces).depth
    return PartMap(float(grid.left), float(grid.top), grid.parts(), front)
