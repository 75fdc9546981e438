"""Fix MediaPipe's 478 landmarks on a head model.

To run: ``python -m headwater.rendering.calibrate_landmarks MODEL CACHE_FOLDER``.

Random heads of the model are drawn, pictured from several sides and given to the detector. Rays
through the found landmarks meet the heads' surfaces; the same surface points on the mean head are
averaged robustly, mirrored onto each other, and snapped to the mean. Points of eyelids and inner
lips are put on the edges of the lids and lips, which the mesh knows better than the detector.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.atomic import write_text
from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces import vocabulary as sets
from headwater.faces.frame_landmarks import photo_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.geometry.cameras import Camera, look_at, project
from headwater.geometry.mirror import mirror_pairs
from headwater.heads import bases
from headwater.heads.edges import on_edges
from headwater.heads.landmark_files import from_json, landmark_file, to_json
from headwater.heads.model import FloatArray, HeadModel, Surface, SurfacePoints
from headwater.heads.painting import Painter
from headwater.heads.sampling import sample_shape
from headwater.heads.snapping import snap
from headwater.rendering.plain import render_mesh

Float64Array = NDArray[np.float64]

VIEWS = ((0.0, 0.0), (-25.0, 0.0), (25.0, 0.0), (0.0, 10.0), (0.0, -10.0))  # yaw, pitch [deg]
IMAGE_PX, DISTANCE_MM, FIELD_MM = 512, 900.0, 330.0
BACKGROUND = 200
FURTHEST_FROM_RAY_MM = 6.0
SMALLEST_COSINE = 0.2
FURTHEST_PARTNER_MM = 20.0
DEEPEST_NOTCH = 0.2  # of the distance of a point's neighbours
SKIN_POINTS = np.r_[: sets.MESH_POINTS]
IRISES = np.r_[sets.MESH_POINTS : sets.COUNT_478]


def calibrate(model: HeadModel, heads: int, rounds: int, seed: int) -> SurfacePoints:
    """Landmarks (478) on ``model``; the first round is on plain skin, the next on painted faces."""
    points: SurfacePoints | None = None
    for turn in range(rounds):
        painter = Painter(model, points)
        rng = np.random.default_rng((seed, turn))
        votes = [_votes(painter, vertices) for vertices in _heads(model, heads, rng)]
        points = _agree(model, np.concatenate(votes))
    assert points is not None
    return points


def reprojection_errors(
    model: HeadModel, points: SurfacePoints, heads: int, seed: int
) -> Float64Array:
    """Distance (views, 478) of detected and projected points over the outer eye distance."""
    painter = Painter(model, points)
    rng = np.random.default_rng((seed, 1000))
    errors = []
    for vertices in _heads(model, heads, rng):
        for yaw, pitch in VIEWS:
            camera = view_camera(yaw, pitch)
            found = _detect(painter, painter.dense(vertices), camera)
            if found is None:
                continue
            placed, _ = project(camera, points.on(vertices))
            scale = sets.outer_eye_distance(sets.ibug68(found.astype(np.float32)))
            errors.append(np.linalg.norm(found - placed, axis=1) / scale)
    return np.array(errors)


def view_camera(yaw: float, pitch: float, image_px: int = IMAGE_PX) -> Camera:
    """A long-lens camera around the face; angles in degrees, pitch looks down from above."""
    a, b = np.deg2rad((yaw, pitch))
    target = np.array([0.0, 0.0, 30.0])
    direction = np.array([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)])
    R, t = look_at(target + DISTANCE_MM * direction, target)
    focal = image_px * DISTANCE_MM / FIELD_MM
    K = np.array([[focal, 0, image_px / 2], [0, focal, image_px / 2], [0, 0, 1]])
    return Camera(K, R, t, image_px, image_px)


def picture(painter: Painter, dense: FloatArray, camera: Camera) -> NDArray[np.uint8]:
    """Image (H, W, 3) of a painted head, given its dense vertices, before a grey wall."""
    rgba = render_mesh(dense, painter.faces, camera, painter.colours, 1).astype(np.float32)
    alpha = rgba[..., 3:] / 255
    image: NDArray[np.uint8] = np.round(rgba[..., :3] * alpha + BACKGROUND * (1 - alpha)).astype(
        np.uint8
    )
    return image


def _heads(model: HeadModel, count: int, rng: np.random.Generator) -> list[FloatArray]:
    """The mean and ``count`` random neutral heads."""
    neutral = np.zeros(len(model.expression_names), np.float32)
    return [model.mean] + [model.vertices(sample_shape(model, rng), neutral) for _ in range(count)]


def _detect(painter: Painter, dense: FloatArray, camera: Camera) -> Float64Array | None:
    try:
        landmarks = photo_landmarks(picture(painter, dense, camera), mediapipe_faces())
    except ItemRejected:
        return None
    return landmarks[:, :2].astype(np.float64)


def _votes(painter: Painter, vertices: FloatArray) -> Float64Array:
    """Points on the mean and weights (views, 478, 4) that the views of one head speak for."""
    dense = painter.dense(vertices)
    normals = painter.normals(dense)
    votes = []
    for yaw, pitch in VIEWS:
        camera = view_camera(yaw, pitch)
        found = _detect(painter, dense, camera)
        if found is None:
            continue
        rays = np.column_stack([found, np.ones(len(found))])
        rays = np.linalg.solve(camera.K, rays.T).T @ camera.R
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        vote = np.zeros((len(found), 4))
        for rows, allowed in ((SKIN_POINTS, painter.skin), (IRISES, painter.eyeballs)):
            vote[rows] = _nearest_seen(
                camera.centre, rays[rows], dense[allowed], normals[allowed], painter.mean[allowed]
            )
        votes.append(vote)
    return np.array(votes).reshape(-1, 478, 4)


def _nearest_seen(
    eye: Float64Array,
    rays: Float64Array,
    points: FloatArray,
    normals: FloatArray,
    on_mean: FloatArray,
) -> Float64Array:
    """For each ray the mean-head position and weight (n, 4) of the seen surface nearest to it."""
    towards = points - eye
    depth = np.linalg.norm(towards, axis=1)
    cosine = -np.einsum("nc,nc->n", towards, normals) / depth
    facing = np.flatnonzero(cosine > SMALLEST_COSINE / 2)
    towards, depth, cosine = towards[facing], depth[facing], cosine[facing]
    along = rays @ towards.T
    gap = np.sqrt(np.maximum(depth**2 - along**2, 0.0))
    # Of the surface within a millimetre or so of the ray, the part nearest to the camera is seen.
    best = (gap + 0.02 * along).argmin(1)
    rows = np.arange(len(rays))
    weight = np.where(gap[rows, best] < FURTHEST_FROM_RAY_MM, cosine[best], 0.0)
    vote: Float64Array = np.column_stack([on_mean[facing[best]], weight])
    return vote


def _agree(model: HeadModel, votes: Float64Array) -> SurfacePoints:
    """One surface point per landmark from (n, 478, 4) votes."""
    weight = votes[..., 3:] * (votes[..., 3:] > SMALLEST_COSINE) + 1e-6 * (votes[..., 3:] > 0)
    middle = np.nanmedian(np.where(weight > 0, votes[..., :3], np.nan), axis=0)
    far = np.linalg.norm(votes[..., :3] - middle, axis=2, keepdims=True)
    spread = np.nanmedian(np.where(weight > 0, far, np.nan), axis=0)
    weight = weight * (far <= 2.0 * spread + 0.1)
    positions = (weight * votes[..., :3]).sum(0) / weight.sum(0)
    positions = _mirrored(_without_notches(positions))
    skin = snap(positions[SKIN_POINTS], model, Surface.SKIN)
    iris = snap(positions[IRISES], model, Surface.EYEBALL)
    points = SurfacePoints(
        np.concatenate([skin.triangles, iris.triangles]),
        np.concatenate([skin.weights, iris.weights]),
    )
    return on_edges(model, points, positions)


def _without_notches(positions: Float64Array) -> Float64Array:
    """Positions (478, 3) whose face oval, seen edge-on in many views, is a smooth line."""
    oval = list(sets.FACE_OVAL)
    line = positions[oval]
    before, after = np.roll(line, 1, axis=0), np.roll(line, -1, axis=0)
    middle = (before + after) / 2
    off = np.linalg.norm(line - middle, axis=1) / np.linalg.norm(after - before, axis=1)
    notch = (off > DEEPEST_NOTCH) & (off > np.roll(off, 1)) & (off > np.roll(off, -1))
    smooth = positions.copy()
    smooth[oval] = np.where(notch[:, None], middle, line)
    return smooth


def _mirrored(positions: Float64Array) -> Float64Array:
    """Positions (478, 3) made symmetric about x = 0; partners follow from their places."""
    partner = mirror_pairs(positions, FURTHEST_PARTNER_MM)
    if partner is None:
        raise HeadwaterError(
            "The detected landmarks are too uneven to find left and right partners."
        )
    symmetric: Float64Array = (positions + positions[partner] * (-1.0, 1.0, 1.0)) / 2
    return symmetric


def main(spec: str, cache_dir: Path) -> None:
    """Calibrate the model ``spec``, write its landmark file and print the held-out error."""
    model = bases(spec, cache_dir)
    points = from_json(to_json(calibrate(model, heads=12, rounds=3, seed=1)))
    target = Path(__file__).with_name(landmark_file(model.name))
    write_text(target, to_json(points))
    errors = reprojection_errors(model, points, heads=20, seed=1) * 100
    ibug = errors[:, sets.IBUG68_FROM_478]
    sys.stdout.write(
        f"{target.name}: {len(errors)} held-out views, error in % of the outer eye distance\n"
        f"478 points: median {np.median(errors):.2f}, 95 % {np.percentile(errors, 95):.2f}\n"
        f"68 points: median {np.median(ibug):.2f}, mean {ibug.mean():.2f}\n"
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise HeadwaterError("Usage: calibrate_landmarks MODEL CACHE_FOLDER")
    main(sys.argv[1], Path(sys.argv[2]))
