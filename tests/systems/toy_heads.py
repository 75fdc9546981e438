"""Toy heads: egg-shaped meshes with a nose, seen by exact cameras; small enough to train on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from scipy.spatial import Delaunay

from headwater.data.scenes import Heads, SdfSamples, Template, Views
from headwater.data.training_tables import TrainingTables, ValidationHeads
from headwater.evaluation.heads.trials import HELD_OUT, Case
from headwater.faces.vocabulary import NOSE_BRIDGE, NOSE_TIP
from headwater.heads.model import SurfacePoints
from headwater.metrics.benchmark import TruthHead
from headwater.networks.vertex_descent.config import DescentConfig
from headwater.networks.vertex_descent.training import TrainResult
from headwater.systems.glvd.config import SIZES
from headwater.systems.lvd.config import SIZES as LVD_SIZES
from headwater.training.run import Progress, Run

IMAGE_PX = 96
# Learn toy heads in seconds.
TOY_CHANGES = {
    "depth": 1,
    "points": 128,
    "learning_rate": 5e-3,
    "clamp_mm": 40.0,
    "checkpoint_every": 100,
}
TOY_CONFIG = SIZES["smoke"].model_copy(update={**TOY_CHANGES, "keypoint_depth": 1})
TOY_LVD = LVD_SIZES["smoke"].model_copy(update=TOY_CHANGES)


def toy_head(size: float, width: float, nose_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (162, 3) mm and faces of a head with the given proportions."""
    sphere = trimesh.creation.icosphere(subdivisions=2)
    vertices = sphere.vertices * [75.0 * width, 105.0, 90.0]
    bump = np.exp(-((vertices[:, 0] / 18.0) ** 2) - ((vertices[:, 1] / 25.0) ** 2))
    vertices[:, 2] += np.where(vertices[:, 2] > 0, nose_mm * bump, 0.0)
    return (size * vertices).astype(np.float32), sphere.faces.astype(np.int32)


def toy_template() -> Template:
    """The mean toy head with 478 points on its front; the named ones where they belong."""
    vertices, faces = toy_head(1.0, 1.0, 25.0)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    rng = np.random.default_rng(0)
    front = np.flatnonzero(mesh.triangles_center[:, 2] > 20.0)
    triangles = rng.choice(front, 478)
    for landmark, place in {
        NOSE_TIP: (0, 0, 120),
        NOSE_BRIDGE: (0, 30, 90),
        33: (-40, 30, 70),
        263: (40, 30, 70),
    }.items():
        triangles[landmark] = np.argmin(
            np.linalg.norm(mesh.triangles_center - np.array(place), axis=1)
        )
    weights = rng.dirichlet([1.0, 1.0, 1.0], 478).astype(np.float32)
    points = SurfacePoints(faces[triangles], weights)
    return Template(vertices, faces, np.zeros(len(faces), np.uint8), points)


def toy_heads(count: int, seed: int) -> Heads:
    """Heads whose size, width and nose differ."""
    rng = np.random.default_rng(seed)
    shapes = [
        toy_head(*p)[0]
        for p in zip(
            rng.uniform(0.9, 1.1, count),
            rng.uniform(0.9, 1.1, count),
            rng.uniform(15, 35, count),
            strict=True,
        )
    ]
    return Heads(np.stack(shapes), np.array([f"subject-{i}" for i in range(count)]))


def toy_views(heads: Heads, views: int, seed: int, split: str = "train") -> Views:
    """``views`` pictures of every head with exact cameras, masks and landmarks."""
    rng = np.random.default_rng(seed)
    template = toy_template()
    rows = [
        (*_picture(heads.vertices[head], template, rng), head)
        for head in np.repeat(np.arange(len(heads.vertices)), views)
    ]
    images, masks, intrinsics, rotations, translations, landmarks, head = zip(*rows, strict=True)
    return Views(
        images,
        masks,
        np.stack(intrinsics).astype(np.float32),
        np.stack(rotations).astype(np.float32),
        np.stack(translations).astype(np.float32),
        np.stack(landmarks).astype(np.float32),
        np.array(head, dtype=np.int32),
        np.full(len(rows), split),
        np.zeros(len(rows), dtype=bool),
    )


def toy_samples(heads: Heads, count: int, seed: int) -> SdfSamples:
    """``count`` points round every head, mm, with their signed distances."""
    rng = np.random.default_rng(seed)
    surface = heads.vertices[:, rng.integers(heads.vertices.shape[1], size=count)]
    points = surface + rng.normal(0.0, 15.0, surface.shape)
    faces = toy_template().faces
    distances = [
        -trimesh.proximity.signed_distance(trimesh.Trimesh(vertices, faces, process=False), near)
        for vertices, near in zip(heads.vertices, points, strict=True)
    ]
    return SdfSamples(points.astype(np.float32), np.stack(distances).astype(np.float32))


def train_in(
    folder: Path,
    train: Callable[..., TrainResult],
    config: DescentConfig,
    heads: Heads,
    views: Views,
    *,
    samples: SdfSamples | None = None,
    validation: ValidationHeads | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **own: Any,
) -> TrainResult:
    """The result of a system's ``train`` on toy heads, with its checkpoints, in ``folder``."""
    tables = TrainingTables(heads, views, toy_template(), samples, validation)
    run = Run(seed, folder / "checkpoints", progress)
    return train(config, tables, run, folder / "weights.safetensors", **own)


def toy_cases(heads: Heads, views: Views) -> list[Case]:
    """A held-out case of every head with all of its views."""
    template = toy_template()
    return [
        Case(
            HELD_OUT,
            TruthHead(
                str(subject),
                heads.vertices[index],
                template.faces,
                template.landmarks_478.on(heads.vertices[index]),
                float(index),
            ),
            views.choose(np.flatnonzero(views.head == index)),
            ("frontal", *("side" for _ in range(np.count_nonzero(views.head == index) - 1))),
        )
        for index, subject in enumerate(heads.subjects)
    ]


def look_at_face(yaw: float, pitch: float, distance_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation of an OpenCV camera in front of the face, angles in radians."""
    turn = trimesh.transformations.euler_matrix(pitch, yaw, 0.0)[:3, :3]
    return np.diag([1.0, -1.0, -1.0]) @ turn, np.array([0.0, 0.0, distance_mm])


def _picture(vertices: np.ndarray, template: Template, rng: np.random.Generator) -> tuple:
    rotation, translation = look_at_face(rng.uniform(-0.5, 0.5), rng.uniform(-0.2, 0.2), 800.0)
    intrinsics = np.array([[230.0, 0, IMAGE_PX / 2], [0, 230.0, IMAGE_PX / 2], [0, 0, 1]])
    pixels = _project(vertices, intrinsics, rotation, translation)
    landmarks = _project(template.landmarks_478.on(vertices), intrinsics, rotation, translation)
    centres = np.arange(IMAGE_PX) + 0.5
    grid = np.stack(np.meshgrid(centres, centres), axis=-1)
    inside = Delaunay(pixels).find_simplex(grid) >= 0
    mask = np.where(inside, 255, 0).astype(np.uint8)
    shade = (80 + grid[..., 0] / IMAGE_PX * 100).astype(np.uint8)
    return (
        np.repeat(shade[..., None], 3, axis=2),
        mask,
        intrinsics,
        rotation,
        translation,
        landmarks,
    )


def _project(
    points: np.ndarray, intrinsics: np.ndarray, rotation: np.ndarray, translation: np.ndarray
) -> np.ndarray:
    camera = points @ rotation.T + translation
    pixels = camera @ intrinsics.T
    return pixels[:, :2] / pixels[:, 2:]
