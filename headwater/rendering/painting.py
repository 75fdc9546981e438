"""Brows, lips, lids, beard, scalp and parts, painted on a head model's mean head.

Everything is fixed on the mean head's surface: small features in maps over its (x, y) plane, wide
ones per vertex. A rendered sample finds them through its interpolated mean position, so the same
code serves every mesh, shape and expression.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt

from headwater.faces import vocabulary as sets
from headwater.geometry.rays import RayMesh
from headwater.heads.model import HeadModel, Surface
from headwater.heads.part_map import MAP_STEP_MM, PartMap, face_grid
from headwater.rendering.noise import smoothstep
from headwater.rendering.tracing import vertex_normals

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class FaceMaps(PartMap):
    """Maps over the mean head's (x, y) plane, beside those of parts and of the foremost surface.

    brow, lips: (H, W) signed distance, mm, positive inside. lash, lip_line: (H, W) 0..1 closeness
    to the upper lash line and to the line between the lips. lid: (H, W) mm inside the eye opening.
    """

    brow: Float32Array
    lips: Float32Array
    lash: Float32Array
    lip_line: Float32Array
    lid: Float32Array


@dataclass(frozen=True)
class HeadPaint:
    """A head model's paint, see the module.

    landmarks: (478, 3) on the mean head, mm. occlusion: (V,) share of the sky each vertex sees.
    beard, cheek, ear: (V,) weights 0..1. eye_centre, eye_axis: (2, 3), eye_radius: (2,), left
    first. crown: (3,) where the hair parts.
    """

    landmarks: Float32Array
    maps: FaceMaps
    occlusion: Float32Array
    beard: Float32Array
    cheek: Float32Array
    ear: Float32Array
    eye_centre: Float32Array
    eye_axis: Float32Array
    eye_radius: Float32Array
    crown: Float32Array


class _ByFingerprint:
    """A head model hashed by its fingerprint, so that ``lru_cache`` can know it again."""

    def __init__(self, model: HeadModel) -> None:
        self.model = model

    def __hash__(self) -> int:
        return hash(self.model.fingerprint)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _ByFingerprint) and other.model.fingerprint == self.model.fingerprint
        )


def head_paint(model: HeadModel) -> HeadPaint:
    """The paint of ``model``; computed once per model in a process (about a second)."""
    return _head_paint(_ByFingerprint(model))


@lru_cache(maxsize=4)
def _head_paint(key: _ByFingerprint) -> HeadPaint:
    model = key.model
    mesh = RayMesh(model.mean, model.faces)
    landmarks = model.landmarks_478.on(model.mean)
    centre, axis, radius = _eyes(model, landmarks)
    top = model.mean[:, 1].max()
    return HeadPaint(
        landmarks=landmarks,
        maps=_face_maps(landmarks, mesh),
        occlusion=_sky_share(model, mesh),
        beard=_beard(model.mean, landmarks),
        cheek=_cheek(model.mean, landmarks),
        ear=_ear(model.mean, mesh),
        eye_centre=centre,
        eye_axis=axis,
        eye_radius=radius,
        crown=np.array([0.0, top - 4.0, -28.0], dtype=np.float32),
    )


def scalp_distance(
    paint: HeadPaint,
    mean: Float32Array,
    hairline_mm: float,
    recession_mm: float,
    sweep_mm: float,
) -> Float32Array:
    """Roughly how far above the hairline vertices (V, 3) of the mean lie, mm; negative below."""
    marks = paint.landmarks
    front = marks[sets.FOREHEAD, 1] + hairline_mm
    brow = marks[[105, 334], 1].mean()
    azimuth = np.rad2deg(np.arctan2(np.abs(mean[:, 0]), mean[:, 2] - 12.0))
    line = np.array(
        [
            (0, front),
            (22, front - 1 + 0.35 * recession_mm),
            (40, front - 8 + recession_mm),
            (56, brow + 16 + 0.5 * recession_mm),
            (66, brow - 4),
            (74, -6.0),
            (88, -4.0),
            (98, 30.0),
            (112, 22.0),
            (124, -30.0),
            (145, -58.0),
            (180, -66.0),
        ]
    )
    distance = mean[:, 1] - np.interp(azimuth, line[:, 0], line[:, 1])
    distance -= sweep_mm * np.clip(mean[:, 0] / 90.0, -0.5, 0.5) * (azimuth < 60)
    return np.where(paint.ear > 0.3, np.minimum(distance, -8.0), distance).astype(np.float32)


def _face_maps(landmarks: Float32Array, mesh: RayMesh) -> FaceMaps:
    """Draw all loops on the plane in front of the mean face."""
    grid = face_grid(landmarks)

    def closeness(reach_mm: float, *lines: tuple[int, ...]) -> Float32Array:
        image = Image.new("1", (grid.width, grid.height), 1)
        for line in lines:
            ImageDraw.Draw(image).line(grid.places(line), fill=0)
        distance = distance_transform_edt(np.array(image)) * MAP_STEP_MM
        return np.exp(-((distance / reach_mm) ** 2)).astype(np.float32)

    lids = grid.filled(sets.LEFT_EYE, sets.RIGHT_EYE)
    return FaceMaps(
        left=float(grid.left),
        top=float(grid.top),
        parts=grid.parts(),
        front=_front(mesh, grid.left, grid.top, grid.width, grid.height),
        brow=_signed_distance(grid.filled(sets.LEFT_BROW, sets.RIGHT_BROW)),
        lips=_signed_distance(grid.filled(sets.OUTER_LIPS)),
        lash=closeness(0.9, sets.LEFT_UPPER_LID, sets.RIGHT_UPPER_LID),
        lip_line=closeness(0.9, sets.UPPER_LIP_BOTTOM, sets.LOWER_LIP_TOP),
        lid=np.maximum(_signed_distance(lids), 0),
    )


def _signed_distance(inside: NDArray[np.bool_]) -> Float32Array:
    """Distance (H, W) to the edge of a region in mm, positive inside."""
    outward = distance_transform_edt(inside) - distance_transform_edt(~inside)
    return (outward * MAP_STEP_MM).astype(np.float32)


def _front(mesh: RayMesh, left: float, top: float, width: int, height: int) -> Float32Array:
    """Foremost z (height, width) over the plane, mm; far behind where there is no surface."""
    x = left + (np.arange(width) + 0.5) * MAP_STEP_MM
    y = top - (np.arange(height) + 0.5) * MAP_STEP_MM
    start = np.float32(400.0)
    origins = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    origins = np.column_stack([origins, np.full(len(origins), start)])
    hits = mesh.first_hit(origins, np.broadcast_to((0.0, 0.0, -1.0), origins.shape))
    z = start - hits.distance
    return np.where(hits.triangle >= 0, z, np.float32(-1e6)).reshape(height, width)


def _sky_share(model: HeadModel, mesh: RayMesh, rays: int = 48) -> Float32Array:
    """Share (V,) of a cosine-weighted hemisphere that is free above each vertex of the mean."""
    normals = vertex_normals(model.mean, model.faces)
    directions = np.random.default_rng(0).normal(size=(rays, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    free = np.zeros(len(normals), dtype=np.float32)
    for direction in directions:
        # Unit normal + unit sphere: the cosine-weighted hemisphere.
        towards = normals + 0.999 * direction
        free += ~mesh.occluded(model.mean + 0.8 * normals, towards)
    return free / np.float32(rays)


def _eyes(
    model: HeadModel, landmarks: Float32Array
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Centres (2, 3), gaze axes (2, 3) and radii (2,) of the eyeballs, left first."""
    ball = np.unique(model.faces[model.surface == Surface.EYEBALL])
    centres, axes, radii = [], [], []
    for side, iris in ((1.0, sets.LEFT_IRIS_CENTRE), (-1.0, sets.RIGHT_IRIS_CENTRE)):
        points = model.mean[ball][model.mean[ball, 0] * side > 0].astype(np.float64)
        if len(points) >= 4:
            system = np.column_stack([2 * points, np.ones(len(points))])
            solution = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
            centre = solution[:3]
            radius = float(np.sqrt(solution[3] + centre @ centre))
        else:
            radius = 12.0
            centre = landmarks[iris] - (0.0, 0.0, radius)
        axis = landmarks[iris] - centre
        axis[2] = max(axis[2], 0.8 * radius)
        centres.append(centre)
        axes.append(axis / np.linalg.norm(axis))
        radii.append(radius)
    return tuple(np.array(values, dtype=np.float32) for values in (centres, axes, radii))  # type: ignore[return-value]


def _beard(mean: Float32Array, landmarks: Float32Array) -> Float32Array:
    """Beard weight (V,): 1 below a line from the nose base over the cheeks to the ears."""
    x, y, z = np.abs(mean[:, 0]), mean[:, 1], mean[:, 2]
    nose, corner, chin = landmarks[[sets.NOSE_BASE, sets.LEFT_MOUTH_CORNER, sets.CHIN]]
    half_mouth = abs(float(corner[0]))
    upper = np.interp(
        x, (0, half_mouth, half_mouth + 22, 72), (nose[1] - 2, corner[1] + 13, corner[1] + 16, 4)
    ).astype(np.float32)
    below = smoothstep(-5, 5, upper - y)
    neck = smoothstep(-28, -8, y - chin[1] + 0.25 * (chin[2] - z))
    return below * neck * smoothstep(-12, 8, z)


def _cheek(mean: Float32Array, landmarks: Float32Array) -> Float32Array:
    """Blush weight (V,) of cheeks and nose tip."""
    weight = np.zeros(len(mean), dtype=np.float32)
    for mark, reach in ((50, 19.0), (280, 19.0), (4, 12.0)):
        squared = ((mean - landmarks[mark]) ** 2).sum(axis=1)
        weight += np.exp(-squared / np.float32(2 * reach * reach))
    return np.clip(weight, 0, 1)


def _ear(mean: Float32Array, mesh: RayMesh) -> Float32Array:
    """1 where the ear stands out from the skull, measured just before and above it."""
    heights = np.arange(-50.0, 60.0, 5.0)
    ear = np.zeros(len(mean), dtype=np.float32)
    for side in (1.0, -1.0):
        origins = np.column_stack(
            [np.full(len(heights), 200.0 * side), heights, np.full(len(heights), 30.0)]
        )
        hits = mesh.first_hit(origins, np.broadcast_to((-side, 0.0, 0.0), origins.shape))
        skull = np.interp(mean[:, 1], heights, 200.0 - np.minimum(hits.distance, 150.0))
        out = smoothstep(1.0, 3.5, (mean[:, 0] * side - skull).astype(np.float32))
        box = (np.abs(mean[:, 2] + 8.0) < 38.0) & (mean[:, 1] > -45.0) & (mean[:, 1] < 42.0)
        ear = np.maximum(ear, out * box)
    return ear
