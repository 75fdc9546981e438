"""The command as users run it: files, messages, exit status."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
import yaml
from PIL import Image

from headwater.artifacts.meshes import from_ply
from headwater.cli import app, run
from headwater.reconstruct import run as running
from headwater.reconstruct.doubts import DENOISED
from headwater.reconstruct.files import FILES, PAGE, SOURCES
from headwater.reconstruct.system import system_for_photos
from headwater.systems import SYSTEMS
from headwater.training.checkpoint import safetensors_bytes
from tests.report.test_page import Page
from tests.systems.test_systems import PLUGIN, PROJECT

# GLVD makes its head from nothing that could be looked at.
LINKED = set(FILES) - {SOURCES}
EVERYTHING = {*LINKED, PAGE}


def reconstruct(*arguments: object) -> int:
    return run(app, ["reconstruct", *(str(argument) for argument in arguments)])


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def results(portraits: list[Path], weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One portrait reconstructed under a hostile name, in a folder that holds worse."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / '"><img src=x onerror=alert(2)>\n🙂.png').write_bytes(portraits[0].read_bytes())
    (folder / "copy.png").write_bytes(portraits[0].read_bytes())
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no image")
    Image.new("RGB", (200, 100)).save(folder / "wall.png")
    out = tmp_path_factory.mktemp("results") / "deep er"
    assert reconstruct(folder, "-o", out, "--weights", weights) == 1
    return out


def test_every_file_is_there_and_no_other(results: Path) -> None:
    (folder,) = [path for path in results.iterdir() if path.is_dir()]
    assert {path.name for path in folder.iterdir()} == EVERYTHING
    assert re.fullmatch(r"[\w.-]+", folder.name)
    assert {path.name for path in results.iterdir()} == {folder.name, "summary.csv"}


def test_every_photo_is_accounted_for(results: Path) -> None:
    outcome = [(row["status"], row["reason"]) for row in rows(results)]
    assert sorted(outcome) == [
        ("duplicate", "duplicate"),
        ("reconstructed", ""),
        ("rejected", "empty_file"),
        ("rejected", "no_face"),
        ("rejected", "not_an_image"),
    ]
    assert all(row["message"] for row in rows(results) if row["status"] != "reconstructed")
    duplicate = next(row for row in rows(results) if row["status"] == "duplicate")
    assert (results / duplicate["folder"] / PAGE).is_file()


def test_meshes_open(results: Path) -> None:
    (ply,) = results.glob("*/mesh.ply")
    vertices, faces = from_ply(ply.read_bytes(), "mesh")
    scene = trimesh.load(ply.with_suffix(".glb"), process=False)
    assert np.allclose(scene.extents, np.ptp(vertices, axis=0) / 1000, atol=1e-5)
    assert len(next(iter(scene.geometry.values())).faces) == len(faces)


def test_the_page_needs_nothing_and_shows_names_as_text(results: Path) -> None:
    (path,) = results.glob(f"*/{PAGE}")
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert not page.all("link")
    for _, attrs in page.tags:
        assert attrs.get("src", "data:").startswith("data:")
        assert not any(name.startswith("on") for name in attrs)
    assert "img src=x" in page.text
    assert {link["href"] for link in page.all("a")} == LINKED
    assert "default-src 'none'" in html
    (model,) = json.loads(page.scripts[0])
    assert model["steps"] == 7
    assert len(html) < 6_000_000


def test_equal_photos_give_equal_bytes(results: Path, portraits: list[Path], weights: Path) -> None:
    (folder,) = [path for path in results.iterdir() if path.is_dir()]
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = results.parent / "again"
    name = rows(results)[-2]["photo"]
    assert name
    photos = again.with_name("same")
    photos.mkdir()
    (photos / '"><img src=x onerror=alert(2)>\n🙂.png').write_bytes(portraits[0].read_bytes())
    assert reconstruct(photos, "-o", again, "--weights", weights) == 0
    second = {path.name: path.read_bytes() for path in (again / folder.name).iterdir()}
    assert first == second


def test_one_head_from_several_photos(
    tmp_path: Path, portraits: list[Path], weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    photos = (*portraits, tmp_path / "broken.jpg")
    assert reconstruct(*photos, "--views", "-o", tmp_path / "out", "--weights", weights) == 1
    assert [p.name for p in (tmp_path / "out").iterdir() if p.is_dir()] == ["astronaut"]
    cameras = json.loads((tmp_path / "out" / "astronaut" / "camera.json").read_text())
    assert [view["photo"] for view in cameras["views"]] == ["astronaut.png", "grace_hopper.jpg"]
    status = [row["status"] for row in rows(tmp_path / "out")]
    assert sorted(status) == ["reconstructed", "reconstructed", "rejected"]
    assert "broken_image" in capsys.readouterr().out


def test_a_face_that_noise_hides_is_said_to_come_from_a_copy(
    tmp_path: Path, portraits: list[Path], weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.open(portraits[0]).convert("1").save(tmp_path / "dots.png")
    out = tmp_path / "out"
    assert reconstruct(tmp_path / "dots.png", "-o", out, "--weights", weights) == 0
    (row,) = rows(out)
    assert (row["status"], row["message"]) == ("reconstructed", DENOISED)
    (view,) = json.loads((out / "dots" / "camera.json").read_text())["views"]
    assert view["denoised"] is True
    assert "without its noise" in capsys.readouterr().out.replace("\n", " ")


def test_without_weights_the_command_that_makes_them_is_named(
    tmp_path: Path, portraits: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reconstruct(portraits[0], "-o", tmp_path / "out", "--project", tmp_path) == 2
    error = capsys.readouterr().err
    assert "make repro" in error
    assert re.search(r"data/train/\w+/weights.safetensors", error.replace("\n", ""))
    assert not (tmp_path / "out").exists()


def test_a_build_whose_systems_reconstruct_no_heads_says_so(
    tmp_path: Path, portraits: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    settings |= {"plugins": {"toy": str(PLUGIN)}, "build": {"toy": "fields"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    arguments = (portraits[0], "-o", tmp_path / "out", "--project", tmp_path)
    assert reconstruct(*arguments) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert error == (
        "error: no system of this build reconstructs heads; add one that does to build in "
        f"{tmp_path / 'params.yaml'} ({', '.join(SYSTEMS)}) and run `make repro`, or name one with "
        "--system and its weights with --weights"
    )
    assert reconstruct(*arguments, "--system", "lvd") == 2
    error = " ".join(capsys.readouterr().err.split())
    assert (
        "data/train/lvd/weights.safetensors: no trained weights; add lvd: heads to build" in error
    )


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x08" + b"\0" * 7 + b'{"a":1} '])
def test_other_files_are_no_weights(
    tmp_path: Path, portraits: list[Path], content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    assert reconstruct(portraits[0], "-o", tmp_path / "out", "--weights", path) == 2
    assert "w.safetensors" in capsys.readouterr().err


def test_a_full_disk_or_a_closed_folder_is_one_line(
    tmp_path: Path,
    portraits: list[Path],
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("headwater.reconstruct.files.write_text", full)
    (tmp_path / "empty.jpg").write_bytes(b"")
    photo = tmp_path / "empty.jpg"
    assert reconstruct(photo, "-o", tmp_path / "out", "--weights", weights) == 2
    assert "summary.csv: cannot be written (No space left on device)" in (
        capsys.readouterr().err.replace("\n", "")
    )


def test_too_many_views_are_refused(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, portraits: list[Path]
) -> None:
    monkeypatch.setattr(running, "MAX_VIEWS", 1)
    out = tmp_path / "out"
    assert reconstruct(*portraits, "--views", "-o", out, "--weights", weights) == 2


def test_nothing_is_opened_but_files(tmp_path: Path, portraits: list[Path], weights: Path) -> None:
    """The command runs in a process in which every socket is refused."""
    code = (
        "import socket, sys\n"
        "def refuse(*args, **options): raise SystemExit('a socket was opened')\n"
        "socket.socket.connect = socket.create_connection = refuse\n"
        "from headwater.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    arguments = ["reconstruct", portraits[0], "-o", tmp_path / "out", "--weights", weights]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("astronaut.png: landmark error ")
    assert lines[0].endswith(f"out/astronaut/{PAGE}")
    assert lines[-1].startswith("1 of 1 reconstructed; ")


def test_every_face_of_a_photo_becomes_a_head(
    portraits: list[Path], weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two people in one photo: one head by default, two of different folders with all faces."""
    people = [Image.open(path).convert("RGB").resize((512, 600)) for path in portraits]
    photo = Image.new("RGB", (1024, 600))
    for number, one in enumerate(people):
        photo.paste(one, (512 * number, 0))
    photo.save(tmp_path / "both.png")
    # All faces into the folder of the one: the same name for it, nothing beside the two.
    out = tmp_path / "out"
    for faces, folders in (("largest", ["both"]), ("all", ["both", "both-face2"])):
        given = ("-o", out, "--weights", weights, "--project", tmp_path, "--faces", faces)
        assert reconstruct(tmp_path / "both.png", *given) == 0
        assert [row["folder"] for row in rows(out)] == folders
        assert {row["faces_found"] for row in rows(out)} == {"2"}
        assert sorted(path.name for path in out.iterdir() if path.is_dir()) == folders
    records = [json.loads((out / f / "landmarks.json").read_text()) for f in folders]
    places = [np.mean(one["views"][0]["landmarks_478_px"], axis=0)[0] > 512 for one in records]
    assert sorted(places) == [False, True]
    assert [one["views"][0]["face"] for one in records] == [1, 2]
    capsys.readouterr()
    assert reconstruct(tmp_path / "both.png", *given, "--views") == 2
    assert "--views makes one head of all photos" in capsys.readouterr().err


def test_weights_say_which_system_they_are_of(tmp_path: Path, weights: Path) -> None:
    """Of a project that builds another system, and of none; others' weights say nothing."""
    settings = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump({**settings, "build": {"lvd": "heads"}}), encoding="utf-8"
    )
    unknown = tmp_path / "unknown.safetensors"
    unknown.write_bytes(safetensors_bytes({"w": np.zeros(1)}, {"system": ["no", "name"]}))
    for project in (tmp_path, tmp_path / "none"):
        assert system_for_photos(None, project, weights).name == "glvd"
    for other in (None, unknown, tmp_path / "missing"):
        assert system_for_photos(None, tmp_path, other).name == "lvd"
    assert system_for_photos("lvd", tmp_path, weights).name == "lvd"
