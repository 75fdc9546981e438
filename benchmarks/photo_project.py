"""A project of photo steps alone, recorded by DVC, with as many small photos as wanted."""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import yaml
from PIL import Image

from benchmarks.photo_set import HEADS, variant
from headwater.photos.builtin import PORTRAITS, BuiltinPortrait

SOURCE: Final = Path(__file__).resolve().parents[1]
PHOTOS: Final = ("photos",)
# Photo steps in the order of the graph, and inputs of theirs that no photo changes.
ALL: Final = ("photos", "ingest", "landmarks", "masks", "parts", "cameras")
UNCHANGED: Final = {PHOTOS: ("code",), ALL: ("code", "head_model", "synthesize", "parser")}
COPIED: Final = ("headwater", "tasks", "flows", ".dvc/config", ".dvcignore", "constraints.txt")
SIDES_PX: Final = (120, 160)
FRAME_PX: Final = 96


@dataclass(frozen=True)
class Cost:
    """Seconds of a command from start to exit, and of processors; MB of its largest process."""

    wall: float
    processor: float
    peak_mb: float


@dataclass(frozen=True)
class PhotoProject:
    """The project in the folder ``path``, whose photo steps are ``steps``."""

    path: Path
    steps: tuple[str, ...]

    def photo(self, number: int) -> Path:
        """The file of a photo."""
        return self.path / "photos" / f"{number:06d}.jpg"

    def rebuild(self) -> Cost:
        """Cost of what ``make repro`` runs."""
        return self._run("-m", "flows")

    def forget(self) -> None:
        """Remove the tables and every cache; what no photo changes is built again."""
        for folder in (".headwater", ".dvc/cache", ".dvc/tmp", "data"):
            shutil.rmtree(self.path / folder, ignore_errors=True)
        (self.path / "dvc.lock").unlink(missing_ok=True)
        (self.path / "data").mkdir()
        shutil.copy(SOURCE / "data" / ".gitignore", self.path / "data")
        self._run("-m", "dvc", "repro", "--quiet", *UNCHANGED[self.steps])

    def buckets(self) -> dict[str, set[str]]:
        """Keys of the buckets in the cache by step."""
        keys: dict[str, set[str]] = {step: set() for step in self.steps}
        for path in (self.path / ".headwater" / "cache").glob("*/*/note.json"):
            note = json.loads(path.read_bytes())
            step = next(iter(note["tables"])).partition("/")[0]
            keys.setdefault(step, set()).add(note["key"])
        return keys

    def outputs(self) -> dict[str, str]:
        """MD5 of every output that DVC has on record, by path."""
        lock = yaml.safe_load((self.path / "dvc.lock").read_text(encoding="utf-8"))
        outs = [out for stage in lock["stages"].values() for out in stage["outs"]]
        return {out["path"]: out["md5"] for out in outs}

    def git(self, *arguments: str) -> None:
        """Run Git in the project."""
        command = ("git", *arguments)
        subprocess.run(command, cwd=self.path, check=True, capture_output=True)

    def _run(self, *arguments: str) -> Cost:
        place = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        started = time.perf_counter()
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                (sys.executable, *arguments),
                cwd=self.path,
                env={**os.environ, "PATH": place},
                stdout=said,
                stderr=said,
            )
            # Of the process and of all that it and its children waited for.
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                raise RuntimeError(f"{' '.join(arguments)}: {said.read()}")
        seconds = time.perf_counter() - started
        return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def write_photo(path: Path, number: int) -> None:
    """Write a small variant of a built-in portrait, which follows from its number."""
    portrait = PORTRAITS[number % len(PORTRAITS)]
    rng = np.random.default_rng(number)
    made = variant(_pixels(portrait), HEADS[portrait.name], SIDES_PX, rng)
    made.save(path, "JPEG", quality=85)


@cache
def _pixels(portrait: BuiltinPortrait) -> Image.Image:
    with Image.open(io.BytesIO(portrait.data())) as image:
        return image.convert("RGB")


def photo_project(folder: Path, count: int, buckets: int, steps: Sequence[str]) -> PhotoProject:
    """A project in a new folder, whose photo steps are yet to run on ``count`` photos."""
    project = PhotoProject(folder, tuple(steps))
    for name in COPIED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (SOURCE / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(SOURCE / name, folder / name, ignore=ignored)
        else:
            shutil.copy(SOURCE / name, folder / name)
    graph = yaml.safe_load((SOURCE / "dvc.yaml").read_text(encoding="utf-8"))
    names = (*UNCHANGED[project.steps], *project.steps)
    stages = {name: graph["stages"][name] for name in names}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    params = yaml.safe_load((SOURCE / "params.yaml").read_text(encoding="utf-8"))
    params["buckets"] = buckets
    params["photos"]["folder"] = "photos"
    params["synthesize"].update(subjects=1, views=1, image_px=64)
    params["ingest"]["frame_px"] = FRAME_PX
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "photos").mkdir()
    project.git("init", "--quiet")
    for number in range(count):
        write_photo(project.photo(number), number)
    project.forget()
    return project
