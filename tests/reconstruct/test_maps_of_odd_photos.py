"""FaceVision-GAN on photos that nobody would choose: a reason or a head, and never a torn mesh."""

import csv
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from headwater.artifacts.meshes import from_ply
from headwater.cli import app, run
from headwater.data.face_codes import face_cut
from headwater.data.mapped_crops import mapped_crop
from headwater.data.scenes import Heads, Template
from headwater.reconstruct.head import views_of
from headwater.reconstruct.seeing import SeenFace
from headwater.systems.facevision.config import SIZES, map_size
from headwater.systems.facevision.data import MappedImage, training_set
from headwater.systems.facevision.train import train
from headwater.training.run import Run

CONFIG = SIZES["smoke"].model_copy(
    update={"width": 8, "steps": 60, "learning_rate": 5e-3, "dropout": 0.0, "gan": 0.0, "flip": 0.0}
)
# Medians that a side of a raw mesh's triangle is long at most.
LONGEST = 4.0


@pytest.fixture(scope="module")
def facevision(
    template: Template, faces: list[SeenFace], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A network that has learned two portraits by heart, both with the head of the first."""
    folder, cut = tmp_path_factory.mktemp("facevision"), face_cut(template)
    images = []
    for face in faces:
        view = views_of([face], estimated=True)
        crop = mapped_crop(view, view.camera(0), template.mean, template, cut, map_size(CONFIG))
        maps = np.concatenate([crop.maps.depth[None], crop.maps.codes.transpose(2, 0, 1)])
        images.append(
            MappedImage(
                crop.pixels,
                maps.astype(np.float16),
                crop.projection,
                head=0,
                held_out=False,
                estimated=True,
            )
        )
    heads = Heads(template.mean[None], np.array(["astronaut"]))
    given = training_set(CONFIG, 2 * images, heads, template)
    train(CONFIG, given, Run(0, folder / "checkpoints"), folder / "weights.safetensors")
    return folder / "weights.safetensors"


def odd_photos(folder: Path, portraits: list[Path]) -> None:
    """Two faces, none, one that the border cuts, a tiny one, and a grey one."""
    folder.mkdir()
    first, second = (Image.open(path).convert("RGB").resize((512, 600)) for path in portraits)
    both = Image.new("RGB", (1024, 600))
    both.paste(first, (0, 0))
    both.paste(second.resize((400, 470)), (570, 60))
    both.save(folder / "two.png")
    Image.new("RGB", (200, 100), (90, 120, 60)).save(folder / "none.png")
    grace = Image.open(portraits[1]).convert("RGB")
    grace.crop((0, 0, 512, 252)).save(folder / "cut.png")
    tiny = Image.new("RGB", (320, 320), (100, 100, 100))
    tiny.paste(first.resize((110, 129), Image.Resampling.LANCZOS), (100, 90))
    tiny.save(folder / "tiny.png")
    first.convert("L").save(folder / "grey.png")


def is_whole(path: Path) -> None:
    """One component, with no triangle longer than ``LONGEST`` medians and no loose vertex."""
    vertices, faces = from_ply(path.read_bytes(), path.name)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    longest = np.linalg.norm(np.diff(vertices[faces[:, [0, 1, 2, 0]]], axis=1), axis=2).max(axis=1)
    assert longest.max() <= 1.001 * LONGEST * np.median(longest)
    assert len(trimesh.graph.connected_components(mesh.edges)) == 1
    assert len(np.unique(faces)) == len(vertices) > 100


def test_odd_photos_have_a_reason_or_a_head_whose_mesh_is_whole(
    tmp_path: Path, portraits: list[Path], facevision: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    odd_photos(folder, portraits)
    arguments = ["reconstruct", str(folder), "-o", str(out), "--system", "facevision"]
    assert run(app, [*arguments, "--weights", str(facevision)]) == 1
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        found = {row["photo"]: (row["status"], row["reason"]) for row in csv.DictReader(file)}
    head = ("reconstructed", "")
    assert found == {
        "two.png": head,
        "none.png": ("rejected", "no_face"),
        "cut.png": head,
        "tiny.png": ("rejected", "face_too_small"),
        "grey.png": head,
    }
    assert "Traceback" not in capsys.readouterr().out
    for name in ("two", "cut", "grey"):
        is_whole(out / name / "map_raw.ply")
        smooth, faces = from_ply((out / name / "map_detailed.ply").read_bytes(), name)
        assert np.isfinite(smooth).all()
        assert len(faces) > 100
        assert (out / name / "sources.png").is_file()
