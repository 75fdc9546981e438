"""A face-shaped sheet with 85 keypoints, and scans cut from it into REALY's regions."""

import numpy as np

from headwater.geometry.registration import Similarity
from headwater.heads.model import SurfacePoints
from headwater.metrics.realy import RealyScan, RealyTemplate, Region

UNIT_MM = 9.0  # of a scan; the published ones have 6.5 to 10.2


def sheet(across: int = 25, high: int = 31) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) float32 mm and faces (F, 3) of a face with a nose, z towards the viewer."""
    x, y = np.meshgrid(np.linspace(-70.0, 70.0, across), np.linspace(-90.0, 90.0, high))
    z = 70.0 * np.sqrt(1.0 - (x / 100.0) ** 2 - (y / 140.0) ** 2)
    z += 22.0 * np.exp(-((x / 12.0) ** 2) - ((y + 5.0) / 22.0) ** 2)
    number = np.arange(across * high).reshape(high, across)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    faces = np.concatenate([np.stack(t, 2).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    return np.stack([x, y, z], 2).reshape(-1, 3).astype(np.float32), faces


def places() -> np.ndarray:
    """Where the 85 keypoints lie, x and y (85, 2) in mm: 68 in the usual order, then 17 more."""
    turn = np.linspace(np.pi, 2 * np.pi, 17)
    jaw = np.stack([62.0 * np.cos(turn), 20.0 + 100.0 * np.sin(turn)], 1)
    brow = np.stack([np.linspace(-50, -12, 5), [38, 45, 47, 45, 40]], 1)
    bridge = np.stack([np.zeros(4), [25, 15, 5, -5]], 1)
    base = np.stack([np.linspace(-14, 14, 5), [-17, -19, -20, -19, -17]], 1)
    round_ = np.arange(6) * np.pi / 3
    eye = np.stack([-32 - 12 * np.cos(round_), 24 + 5 * np.sin(round_)], 1)
    round_ = np.arange(12) * np.pi / 6
    lips = np.stack([-26 * np.cos(round_), -42 + 10 * np.sin(round_)], 1)
    round_ = np.arange(8) * np.pi / 4
    inner = np.stack([-18 * np.cos(round_), -42 + 4 * np.sin(round_)], 1)
    more = np.random.default_rng(0).uniform(-50.0, 50.0, (17, 2))
    more[2:4], more[8:10] = [[-12, 0], [12, 0]], [[-40, -20], [40, -20]]
    mirror = np.array([-1.0, 1.0])
    brows, eyes = [brow, brow[::-1] * mirror], [eye, eye * mirror]
    return np.concatenate([jaw, *brows, bridge, base, *eyes, lips, inner, more])


def keypoint_rows(vertices: np.ndarray) -> np.ndarray:
    """Vertices (85,) of the sheet nearest to the keypoints' places."""
    return np.linalg.norm(vertices[:, None, :2] - places(), axis=2).argmin(axis=0)


def template() -> RealyTemplate:
    """The sheet as a template, each keypoint at a corner of a triangle."""
    vertices, faces = sheet()
    corners = [faces[np.flatnonzero((faces == row).any(1))[0]] for row in keypoint_rows(vertices)]
    weights = np.array(corners) == keypoint_rows(vertices)[:, None]
    points = SurfacePoints(np.array(corners, np.int32), weights.astype(np.float32))
    return RealyTemplate(vertices, faces, points)


def region_of(vertices: np.ndarray) -> dict[str, np.ndarray]:
    """Masks (V,) of the sheet's vertices by region; mm, in the sheet's own frame."""
    x, y = np.abs(vertices[:, 0]), vertices[:, 1]
    nose = (x < 16) & (y > -25) & (y < 32)
    mouth = (x < 36) & (y > -62) & (y <= -25)
    return {
        "nose": nose,
        "mouth": mouth,
        "forehead": (y > 15) & ~nose,
        "cheek": (y > -75) & (y <= 20) & ~nose & ~mouth,
    }


def scan_of(
    vertices: np.ndarray, place: Similarity, moved: dict[str, np.ndarray] | None = None
) -> RealyScan:
    """A scan cut from a sheet (V, 3) mm that ``place`` puts in the scan's unit and frame.

    moved: displacements (V, 3) mm of the vertices of some regions.
    """
    _, faces = sheet()
    regions = {}
    for name, inside in region_of(sheet()[0]).items():
        own = vertices + (moved or {}).get(name, 0.0)
        kept = faces[inside[faces].all(axis=1)]
        rows = np.unique(kept)
        regions[name] = Region(place.apply(own[rows]), np.searchsorted(rows, kept))
    keypoints = place.apply(vertices[keypoint_rows(sheet()[0])])
    return RealyScan(regions, keypoints, 1.0 / place.scale)
