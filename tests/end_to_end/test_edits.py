"""Stages that an edit makes DVC run again on a small build, and those that it does not."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from headwater.artifacts.manifest import sha256_of_file
from headwater.photos.builtin import PORTRAITS
from tests.end_to_end.test_small_build import SMALL

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).resolve().parents[2]
COPIED = (
    *("headwater", "tasks", "flows", "benchmarks/results"),
    *(".dvc/config", ".dvcignore", "dvc.yaml", "params.yaml"),
)
LOSSES = "headwater/networks/vertex_descent/losses.py"
STAGE = "train@lvd"


class Checkout:
    """A copy of the project whose small build is up to date."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.weights = path / "data" / "train" / "lvd" / "weights.safetensors"

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change a file, whose time then moves on."""
        path = self.path / name
        text = path.read_text()
        assert change(text) != text
        path.write_text(change(text))

    def set(self, change: Callable[[dict[str, object]], None]) -> None:
        """Change parameters."""
        params = yaml.safe_load((self.path / "params.yaml").read_text())
        change(params)
        (self.path / "params.yaml").write_text(yaml.safe_dump(params))

    def dvc(self, *arguments: str) -> str:
        """Run DVC and give what it printed."""
        done = self._dvc(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """Run DVC, which must fail, and give its errors."""
        done = self._dvc(*arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def _dvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return subprocess.run(
            (sys.executable, "-m", "dvc", *arguments),
            cwd=self.path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    def status(self) -> dict[str, str]:
        """What `headwater status` says by stage, the stages of hashes beside the others."""
        command = (sys.executable, "-m", "flows.status")
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        said = dict(line.split(": ", 1) for line in done.stdout.splitlines()[:-1])
        hashes = said.pop("hashes alone, in seconds", "")
        return said | dict.fromkeys(hashes.split(", "), "hashes")

    def trains(self) -> bool:
        """Bring the weights up to date; whether that trained, beyond which nothing is stale."""
        trained = f"Running stage '{STAGE}'" in self.dvc("repro", STAGE)
        assert STAGE not in self.dvc("status", STAGE)
        return trained


def copied(folder: Path) -> Checkout:
    """A copy of the project, in a folder that is not there yet, of which nothing is built."""
    for name in COPIED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (PROJECT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(PROJECT / name, folder / name)
    shutil.copy(PROJECT / "constraints.txt", folder)
    (folder / "data").mkdir()
    shutil.copy(PROJECT / "data" / ".gitignore", folder / "data")
    subprocess.run(("git", "init", "--quiet", str(folder)), check=True)
    return Checkout(folder)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small build up to LVD's weights."""
    folder = tmp_path_factory.mktemp("edits") / "project"
    checkout = copied(folder)

    def small(params: dict[str, object]) -> None:
        params.update(SMALL)
        systems = params["systems"]
        assert isinstance(systems, dict)
        for system in systems.values():
            system["size"] = "smoke"

    checkout.set(small)
    assert checkout.trains()
    return folder


@pytest.fixture
def checkout(built: Path, tmp_path: Path) -> Checkout:
    """A copy of the build that a test may spoil."""
    copy = tmp_path / "project"
    shutil.copytree(built, copy, symlinks=True)
    return Checkout(copy)


@pytest.mark.fault("old weights are never taken for those of new code")
def test_other_code_trains_and_the_former_code_brings_its_weights_back(checkout: Checkout) -> None:
    before = sha256_of_file(checkout.weights)
    text = (checkout.path / LOSSES).read_text()
    checkout.edit(LOSSES, lambda text: text.replace(".abs().mean()", ".square().mean()", 1))
    assert checkout.trains()
    assert sha256_of_file(checkout.weights) != before
    (checkout.path / LOSSES).write_text(text)
    checkout.trains()
    assert sha256_of_file(checkout.weights) == before


@pytest.mark.fault("old weights are never taken for those of new code")
def test_a_stage_alone_refuses_to_run_other_code_than_is_recorded(checkout: Checkout) -> None:
    checkout.edit(LOSSES, lambda text: text.replace(".abs().mean()", ".square().mean()", 1))
    weights = sha256_of_file(checkout.weights)
    error = checkout.refused("repro", "--single-item", "--force", STAGE)
    assert "data/inputs/lvd/train.json: is not of the code, packages and settings" in error
    checkout.dvc("checkout", STAGE)
    assert sha256_of_file(checkout.weights) == weights


@pytest.mark.fault("a comment, a new photo or an unread setting trains nothing")
@pytest.mark.parametrize(
    "name",
    [
        "headwater/networks/vertex_descent/losses.py",
        "headwater/artifacts/schemas.py",
        "tasks/head_model.py",
    ],
)
def test_a_comment_trains_nothing(checkout: Checkout, name: str) -> None:
    checkout.edit(name, lambda text: f"# A comment.\n{text}")
    assert not checkout.trains()


@pytest.mark.fault("a comment, a new photo or an unread setting trains nothing")
@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("cache", "url", "elsewhere"),
        ("lvd", "overrides", {"answer": {"iterations": 5}}),
        ("photos", "max_side_px", 1024),
    ],
)
def test_a_setting_that_training_does_not_read_trains_nothing(
    checkout: Checkout, group: str, key: str, value: object
) -> None:
    def change(params: dict[str, object]) -> None:
        systems = params["systems"]
        assert isinstance(systems, dict)
        inner = systems[group] if group in systems else params[group]
        inner[key] = value  # type: ignore[index]

    checkout.set(change)
    assert not checkout.trains()


@pytest.mark.fault("a comment, a new photo or an unread setting trains nothing")
def test_a_photo_more_trains_nothing(checkout: Checkout) -> None:
    photos = checkout.path / "photos"
    shutil.copytree(checkout.path / "data" / "portraits", photos)
    (photos / "again.jpg").write_bytes(PORTRAITS[0].data() + b"\n")

    def change(params: dict[str, object]) -> None:
        folder = params["photos"]
        assert isinstance(folder, dict)
        folder["folder"] = "photos"

    checkout.set(change)
    assert not checkout.trains()


def test_another_seed_trains(checkout: Checkout) -> None:
    checkout.set(lambda params: params.update(seed=8))
    assert checkout.trains()


def _other_loss(text: str) -> str:
    return text.replace(".abs().mean()", ".square().mean()", 1)


@pytest.mark.parametrize(
    ("name", "change", "reasons"),
    [
        (LOSSES, lambda text: f"# A comment.\n{text}", {}),
        (LOSSES, _other_loss, {STAGE: "code that it executes"}),
        (
            "tasks/synthesize.py",
            lambda text: text.replace("DEPTH_UNIT_MM = 0.1", "DEPTH_UNIT_MM = 0.2"),
            {
                "synthesize": "2 of 2 buckets: code that it executes",
                "ingest": "up to 2 of 2 buckets, if synthesize's rows change",
                STAGE: "if synthesize's rows change",
            },
        ),
        (
            "params.yaml",
            lambda text: text.replace("frame_px: 256", "frame_px: 320"),
            {
                "ingest": "2 of 2 buckets: setting ingest.frame_px: 256 -> 320",
                "landmarks": "up to 2 of 2 buckets, if ingest's rows change",
            },
        ),
    ],
)
def test_what_status_says_is_what_runs(
    checkout: Checkout, name: str, change: Callable[[str], str], reasons: dict[str, str]
) -> None:
    built = {stage for stage, text in checkout.status().items() if text != "not built yet"}
    checkout.edit(name, change)
    said = {stage: text for stage, text in checkout.status().items() if text != "not built yet"}
    assert built <= said.keys()
    assert {stage: said.get(stage) for stage in reasons} == reasons
    ran = set(re.findall(r"Running stage '(\S+)'", checkout.dvc("repro", STAGE)))
    certain = {one for one, text in said.items() if not text.startswith(("if ", "up to ", "hash"))}
    assert certain & _needed() <= ran <= said.keys()


def _needed() -> set[str]:
    return {"photos", "synthesize", "ingest", "landmarks", "masks", "cameras", STAGE}
