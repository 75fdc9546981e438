"""Folders in the published layouts of AFLW2000-3D and 300W-LP, of a small face model of our own."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from headwater.data.basel_face import (
    EXPRESSIONS,
    SHAPES,
    UNITS_PER_MM,
    BaselFace,
    FittedFace,
    read_basel_face,
)
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.heads.model import HeadModel, fingerprint
from tests.systems.toy_heads import toy_template

SIDE = 450


@dataclass(frozen=True)
class PublishedModel:
    """A folder with the two files of the model, and what they hold."""

    folder: Path
    model: BaselFace


def toy_model(seed: int = 0) -> HeadModel:
    """The toy template as a head model with smooth shapes and expressions."""
    template = toy_template()
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 6, 9)
    fields = np.sin(template.mean @ rng.normal(0, 0.02, (9, 3)).T + phases).T
    moves = rng.normal(0, 3.0, (9, 1, 3)) * fields[..., None]
    model = HeadModel(
        name="toy",
        licence="CC0-1.0",
        fingerprint="",
        mean=template.mean,
        faces=template.faces,
        surface=template.surface,
        shape_names=tuple(f"shape{n}" for n in range(6)),
        shape_basis=moves[:6].astype(np.float32),
        expression_names=("jawOpen", "mouthSmileLeft", "mouthSmileRight"),
        expression_basis=moves[6:].astype(np.float32),
        landmarks_478=template.landmarks_478,
        shape_scale=np.ones(6, np.float32),
    )
    return replace(model, fingerprint=fingerprint(model))


def write_model(folder: Path, seed: int = 0) -> PublishedModel:
    """The toy head model as the published one: its mean and its bases, and others of no weight.

    A keypoint is the vertex of the landmark's triangle with the most weight.
    """
    folder.mkdir(parents=True, exist_ok=True)
    template, own = toy_template(), toy_model(seed)
    count = len(template.mean)
    shapes, expressions = (
        np.concatenate(
            [
                UNITS_PER_MM * basis.reshape(len(basis), -1).T,
                np.zeros((3 * count, wanted - len(basis))),
            ],
            axis=1,
        )
        for basis, wanted in ((own.shape_basis, SHAPES), (own.expression_basis, EXPRESSIONS))
    )
    points = template.landmarks_478
    nearest = points.triangles[np.arange(478), points.weights.argmax(axis=1)][IBUG68_FROM_478]
    mean = (template.mean.astype(np.float64) * UNITS_PER_MM).reshape(-1, 1)
    shape = {
        "mu_shape": mean,
        "w": shapes,
        "tri": template.faces.T.astype(np.float64) + 1,
        "keypoints": nearest[None].astype(np.uint32) + 1,
        "tex": np.zeros((3, count)),
    }
    savemat(folder / "Model_Shape.mat", shape, do_compression=True)
    expression = {
        "mu_exp": np.zeros((3 * count, 1)),
        "w_exp": expressions,
        "sigma_exp": np.ones((EXPRESSIONS, 1)),
    }
    savemat(folder / "Model_Expression.mat", expression, do_compression=True)
    return PublishedModel(folder, read_basel_face(folder))


def random_face(seed: int, yaw_degrees: float) -> FittedFace:
    """A face in the middle of a picture of ``SIDE`` px, some 150 px wide."""
    rng = np.random.default_rng(seed)
    angles = np.array([rng.normal(0, 0.1), np.deg2rad(yaw_degrees), rng.normal(0, 0.1)])
    return FittedFace(
        rng.normal(0.0, 1.0, SHAPES),
        np.abs(rng.normal(0.0, 0.3, EXPRESSIONS)),
        angles,
        np.array([SIDE / 2, SIDE / 2, -60.0]),
        1e-3 + rng.uniform(0, 2e-4),
    )


def parameters(face: FittedFace) -> dict[str, np.ndarray]:
    """As their files hold them."""
    pose = np.concatenate([face.angles, face.translation, [face.scale]])
    return {
        "Shape_Para": face.shape[:, None],
        "Exp_Para": face.expression[:, None],
        "Pose_Para": pose[None],
        "Color_Para": np.ones((1, 7)),
        "roi": np.array([[1, 1, SIDE, SIDE]], np.int16),
    }


def grey_picture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(90, 160, (SIDE, SIDE, 3), dtype=np.uint8)


def keypoints_of(model: BaselFace, face: FittedFace) -> np.ndarray:
    """(68, 3) px of the published picture."""
    return face.in_picture(model.vertices(face), SIDE)[model.keypoints]


def write_aflw(root: Path, model: BaselFace, yaws: tuple[float, ...]) -> list[FittedFace]:
    """Pictures of these yaws, the k-th ``image0000<2k>``; their faces."""
    folder = root / "AFLW2000"
    folder.mkdir(parents=True)
    faces = []
    for number, yaw in enumerate(yaws):
        face = random_face(number, yaw)
        stem = folder / f"image{2 * number:05d}"
        Image.fromarray(grey_picture(number)).save(stem.with_suffix(".jpg"))
        points = {"pt3d_68": keypoints_of(model, face).T}
        savemat(stem.with_suffix(".mat"), {**parameters(face), **points}, do_compression=True)
        faces.append(face)
    return faces


def write_lp(root: Path, model: BaselFace, names: dict[str, float]) -> None:
    """Pictures "<set>/<name>" of these yaws, with their points beside AFW's and in LFPW's files."""
    for number, (name, yaw) in enumerate(names.items()):
        face = random_face(number, yaw)
        stem = root / name
        stem.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey_picture(number)).save(stem.with_suffix(".jpg"))
        points = keypoints_of(model, face)[:, :2]
        savemat(stem.with_suffix(".mat"), {**parameters(face), "pt2d": points.T})
        if name.startswith("AFW"):
            # The outline of the stored 2D points is another one in large poses.
            savemat(stem.with_suffix(".mat"), {**parameters(face), "pt2d": 0 * points.T})
            beside = root / "landmarks" / f"{name}_pts.mat"
            beside.parent.mkdir(parents=True, exist_ok=True)
            savemat(beside, {"pts_3d": points, "pts_2d": 0 * points})
