"""A head model and an untrained network that fit a real face, made in a second."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay

from headwater.artifacts.ids import sha256_hex
from headwater.data.canonical import to_canonical
from headwater.data.scenes import Template
from headwater.faces.frame_landmarks import photo_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.heads.model import SurfacePoints
from headwater.photos.builtin import PORTRAITS, write_builtin_portraits
from headwater.photos.decode import decode_photo
from headwater.photos.folder import PhotoFile
from headwater.reconstruct.head import Head, reconstruct_head
from headwater.reconstruct.seeing import SeenFace, see
from headwater.reconstruct.settings import PhotoSettings
from headwater.systems.glvd.config import SIZES
from headwater.systems.glvd.train import build
from headwater.systems.glvd.weights import TrainedGlvd, save_weights
from tests.systems.judging import answering

EYE_CORNERS_MM = 90.0


@pytest.fixture(scope="session")
def template() -> Template:
    """The face of a portrait as MediaPipe sees it: its 478 points are vertices and landmarks."""
    face = photo_landmarks(decode_photo(PORTRAITS[0].data()).rgb, mediapipe_faces())
    eyes = np.linalg.norm(face[33, :2] - face[263, :2])
    points = (face - face.mean(axis=0)) * [1, -1, -1] * (EYE_CORNERS_MM / eyes) + [0, 0, 60]
    faces = Delaunay(points[:, :2]).simplices
    area = np.cross(*(points[faces[:, k], :2] - points[faces[:, 0], :2] for k in (1, 2)))
    faces[area < 0] = faces[area < 0][:, ::-1]
    weights = np.tile(np.array([1, 0, 0], np.float32), (478, 1))
    triangles = np.repeat(np.arange(478, dtype=np.int32)[:, None], 3, axis=1)
    return Template(
        points.astype(np.float32),
        faces.astype(np.int32),
        np.zeros(len(faces), np.uint8),
        SurfacePoints(triangles, weights),
    )


@pytest.fixture(scope="session")
def trained(template: Template) -> TrainedGlvd:
    """An untrained network: it goes to its template with some noise."""
    config = SIZES["smoke"].model_copy(update={"anchors": 0, "iterations": 6})
    mean = torch.from_numpy(to_canonical(template.mean, template.nose_bridge))
    network = build(config, mean[None], template, seed=3)
    for name, parameter in network.named_parameters():
        if name.startswith(("g_v", "g_k")):
            parameter.data *= 0.3
    return TrainedGlvd(network.eval(), config, template)


@pytest.fixture(scope="session")
def weights(trained: TrainedGlvd, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_weights(path, trained)
    return path


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return list(write_builtin_portraits(tmp_path_factory.mktemp("portraits")))


@pytest.fixture(scope="session")
def faces(portraits: list[Path], template: Template) -> list[SeenFace]:
    """Detections in the two portraits."""
    mean = template.landmarks_68(template.mean)
    files = [PhotoFile(path, path.name, sha256_hex(path.read_bytes())) for path in portraits]
    return [see(file, mean, PhotoSettings()) for file in files]


@pytest.fixture(scope="session")
def head(trained: TrainedGlvd, faces: list[SeenFace]) -> Head:
    return reconstruct_head(answering(trained), faces[0].name, faces[:1])
