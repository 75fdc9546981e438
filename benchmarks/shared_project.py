"""A project with a table of photos, in git, recorded by DVC and pushed to a remote folder."""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from headwater.config import Params, load_params
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import assemble, compute_bucket
from tasks.photos import STEP

SOURCE = Path(__file__).resolve().parents[1]
# The folder of photos is no input of DVC's here, so that it may be pulled without them.
STAGES = "stages: {photos: {cmd: python -m tasks.photos, outs: [data/photos]}}\n"


@dataclass(frozen=True)
class SharedProject:
    """A project whose remote is the folder ``remote``."""

    path: Path
    remote: Path

    @property
    def params(self) -> Params:
        """The project's parameters."""
        return load_params(self.path / "params.yaml")

    def run(self, *command: str) -> None:
        """Run a command in the project."""
        subprocess.run(command, cwd=self.path, check=True, capture_output=True)

    def dvc(self, *arguments: str) -> None:
        """Run DVC in the project."""
        self.run(sys.executable, "-m", "dvc", *arguments)

    def git(self, *arguments: str) -> None:
        """Run git in the project."""
        self.run("git", "-c", "user.name=A user", "-c", "user.email=user@example.org", *arguments)

    def build(self) -> int:
        """Assemble the table of photos; the number of buckets that had to be computed."""
        computed: list[int] = []

        def compute(missing: list[Planned]) -> Iterable[None]:
            for planned in missing:
                compute_bucket(STEP, self.params, self.path, planned)
                computed.append(planned.bucket)
                yield

        assemble(STEP, self.params, self.path, compute)
        return len(computed)

    def publish(self) -> None:
        """Record the table, commit the record and push both."""
        self.dvc("commit", "--force", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "built")
        self.dvc("push", "--quiet")

    def pushed(self) -> dict[str, int]:
        """Bytes of the remote's objects by their MD5."""
        objects = (path for path in self.remote.rglob("*") if path.is_file())
        return {one.parent.name + one.name: one.stat().st_size for one in objects}

    def listing(self) -> dict[str, str]:
        """MD5 of every file of the step, and of their listing, named ""."""
        lock = yaml.safe_load((self.path / "dvc.lock").read_text())
        md5 = lock["stages"]["photos"]["outs"][0]["md5"]
        entries = json.loads((self.remote / "files" / "md5" / md5[:2] / md5[2:]).read_text())
        return {entry["relpath"]: entry["md5"] for entry in entries} | {"": md5}


def write_photo(folder: Path, number: int, side: int) -> None:
    """Write a photo of noise, whose pixels follow from its number."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / f"{number:06d}.png", compress_level=1)


def publish_photos(folder: Path, count: int, buckets: int, side: int) -> SharedProject:
    """A built and published project below ``folder`` with so many photos."""
    project = SharedProject(folder / "project", folder / "remote")
    (project.path / "photos").mkdir(parents=True)
    for number in range(count):
        write_photo(project.path / "photos", number, side)
    settings = yaml.safe_load((SOURCE / "params.yaml").read_text())
    settings["photos"]["folder"], settings["buckets"] = "photos", buckets
    (project.path / "params.yaml").write_text(yaml.safe_dump(settings))
    (project.path / "dvc.yaml").write_text(STAGES)
    (project.path / ".gitignore").write_text("/photos\n/.headwater\n")
    project.git("init", "--quiet")
    project.dvc("init", "--quiet")
    project.dvc("remote", "add", "--default", "shared", str(project.remote))
    project.build()
    project.publish()
    return project


def clone_of(project: SharedProject, folder: Path) -> SharedProject:
    """A clone with an empty cache."""
    command = ("git", "clone", "--quiet", str(project.path), str(folder))
    subprocess.run(command, check=True, capture_output=True)
    return SharedProject(folder, project.remote)


def fetched(project: SharedProject) -> dict[str, int]:
    """Bytes of the objects in the project's DVC cache by their MD5."""
    folder = project.path / ".dvc" / "cache" / "files" / "md5"
    objects = (path for path in folder.rglob("*") if path.is_file())
    return {one.parent.name + one.name: one.stat().st_size for one in objects}
