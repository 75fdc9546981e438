"""Where artifacts came from, as the records of a real DVC and git say."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from headwater.artifacts.manifest import sha256_of_file
from headwater.cli import app, run
from headwater.errors import HeadwaterError
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.sharing.models import PACKAGED, file_hashes
from headwater.sharing.origins import Origin, origins, revision
from headwater.sharing.shown import gap_lines
from headwater.upkeep.recorded import md5_of_file
from tests.artifacts.small_build import build

STAGES = """\
stages:
  head_model:
    cmd: python -m tasks.head_model
    deps: [data/code/head_model.json]
    params: [synthesize.head_model]
    outs: [data/head_model]
  photos:
    cmd: python -m tasks.photos
    deps: [mine, data/code/photos.json]
    params: [buckets]
    outs: [data/photos]
  ingest:
    cmd: python -m tasks.ingest
    deps: [data/photos, data/code/ingest.json]
    params: [seed, ingest]
    outs: [data/ingest]
  cameras:
    cmd: python -m tasks.cameras
    deps: [data/ingest, data/head_model, data/code/cameras.json]
    outs: [data/cameras]
"""
PACKAGES = {
    "head_model": {"anny": "0.6.2"},
    "photos": {"pillow": "13.0.0"},
    "ingest": {"mediapipe": version("mediapipe")},
    "cameras": {"anny": "0.6.2"},
}


def git(project: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A user", "-c", "user.email=user@example.org")
    done = subprocess.run(
        ("git", *who, *arguments), cwd=project, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def project_at(folder: Path, head_model: str = "anny") -> Path:
    """A recorded project."""
    build(folder / "data")
    (folder / "mine").mkdir()
    (folder / "mine" / "photo.jpg").write_bytes(b"photo")
    (folder / "params.yaml").write_text(
        f"seed: 7\nbuckets: 3\ningest:\n  frame_px: 512\nsynthesize:\n  head_model: {head_model}\n"
    )
    (folder / "data" / "code").mkdir()
    for step, packages in PACKAGES.items():
        text = json.dumps({"code": step.ljust(64, "0"), "packages": packages})
        (folder / "data" / "code" / f"{step}.json").write_text(text)
    (folder / "data" / "head_model").mkdir()
    (folder / "data" / "head_model" / "source.json").write_text('{"source_sha256": "ab"}')
    (folder / "dvc.yaml").write_text(STAGES)
    git(folder, "init", "--quiet")
    for arguments in (("init", "--quiet"), ("commit", "--force", "--quiet")):
        command = (sys.executable, "-m", "dvc", *arguments)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_at(tmp_path_factory.mktemp("projects") / "anny")


def origin_of(project: Path, path: str) -> Origin:
    [found] = [one for one in origins(project) if one.path == path]
    return found


def test_inputs_settings_code_and_rows(project: Path) -> None:
    found = origin_of(project, "data/ingest")
    assert (found.stage, found.command) == ("ingest", "python -m tasks.ingest")
    assert found.inputs == {"data/photos": origin_of(project, "data/photos").md5}
    assert found.parameters == {"seed": 7, "ingest": {"frame_px": 512}}
    assert found.code == "ingest".ljust(64, "0")
    assert found.packages == PACKAGES["ingest"]
    listed = [path for path in (project / "data" / "ingest").rglob("*") if path.is_file()]
    assert found.files == len(listed)
    assert found.bytes == sum(path.stat().st_size for path in listed)
    [frames, rejects] = found.tables
    assert (frames.name, sum(frames.splits.values())) == ("ingest/frames", 5)
    assert frames.licences == {"words": 5}
    assert (rejects.name, rejects.licences) == ("ingest/rejects", {"": 1})


def test_models_are_those_of_all_that_an_artifact_follows(project: Path) -> None:
    used = {one.path: [model.source for model in one.models] for one in origins(project)}
    detector = f"mediapipe {version('mediapipe')}"
    assert used == {
        "data/head_model": ["anny 0.6.2"],
        "data/photos": [],
        "data/ingest": [detector],
        "data/cameras": ["anny 0.6.2", detector],
    }
    for model in origin_of(project, "data/cameras").models:
        assert model.licence in {"Apache-2.0", "CC0-1.0"}


@pytest.mark.slow
def test_the_users_own_head_model_has_the_hash_of_its_files(tmp_path: Path) -> None:
    project = project_at(tmp_path / "ict", "ict:heads/ict.npz")
    [model] = origin_of(project, "data/head_model").models
    assert (model.name, model.source) == ("ict", "the user's own files")
    assert model.files == {"ict:heads/ict.npz": "ab"}


def test_hashes_of_model_files_are_those_of_the_files_that_are_read() -> None:
    import mediapipe

    mediapipe_faces()
    hashes = file_hashes("mediapipe", version("mediapipe"))
    assert set(hashes) == set(PACKAGED["mediapipe"].files)
    for name, digest in hashes.items():
        assert digest == sha256_of_file(Path(mediapipe.__file__).parent / name)
    assert set(file_hashes("mediapipe", "0.0.1").values()) == {""}


def test_a_record_of_other_code_is_not_taken_for_this_ones(project: Path) -> None:
    path = project / "data" / "code" / "photos.json"
    text = path.read_text()
    path.write_text(text.replace("photos0", "other00"))
    assert origin_of(project, "data/photos").code == ""
    [said] = gap_lines(origins(project))
    assert said.startswith("code, packages and models of data/photos are not known here: dvc pull")
    path.write_text(text)
    assert gap_lines(origins(project)) == []
    assert origin_of(project, "data/photos").code.startswith("photos")


def test_the_commit_is_named_only_while_it_holds_the_record(project: Path, tmp_path: Path) -> None:
    assert revision(project).commit is None
    git(project, "add", "dvc.lock")
    git(project, "commit", "--quiet", "--message", "built")
    head = git(project, "rev-parse", "HEAD")
    git(project, "commit", "--quiet", "--allow-empty", "--message", "other")
    assert revision(project).commit == head
    lock = project / "dvc.lock"
    text = lock.read_text()
    lock.write_text(text + "\n")
    assert revision(project).commit is None
    lock.write_text(text)
    assert revision(project).commit == head
    assert revision(tmp_path).commit is None


def test_the_command_prints_all_one_artifact_or_json(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base: list[Any] = ["data", "--project", str(project)]
    assert run(app, base) == 0
    said = capsys.readouterr().out
    detector = f"mediapipe {version('mediapipe')}"
    assert f"  models    anny 0.6.2 (CC0-1.0), {detector} (Apache-2.0)\n" in said
    assert "  made of   head_model, ingest\n" in said
    assert "  settings  ingest.frame_px 512, seed 7\n" in said
    assert "  rows      ingest/frames 5, ingest/rejects 1\n  licences  words\n" in said
    assert run(app, [*base, "data/ingest/frames/"]) == 0
    said = capsys.readouterr().out.splitlines()
    md5 = md5_of_file(project / "data" / "code" / "ingest.json")
    assert said[0].startswith("data/ingest: ")
    assert "setting ingest.frame_px: 512" in said
    assert not any(str(md5) in line for line in said)
    assert said[-3].startswith("table ingest/frames: train ")
    assert said[-3].endswith("; licences of the sources: words 5")
    assert run(app, [*base, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in content["artifacts"]] == [one.path for one in origins(project)]
    assert run(app, [*base, "data/none"]) == 2
    assert "data/none: is no recorded artifact; there are: data/" in capsys.readouterr().err


def test_nothing_is_made_up_without_a_record(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match=r"dvc\.lock: no stage is recorded"):
        origins(tmp_path)
