"""A small project with toy steps: numbers -> (doubles, squares) -> total."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tasks.lifeline import command_line

PROJECT = Path(__file__).resolve().parents[2]
TOY = Path(__file__).resolve().parent / "toy"
RUNNERS = (
    "__init__",
    "arrivals",
    "command",
    "console",
    "lifeline",
    "recorded_code",
    "runners",
    "worker",
    "workers",
)


@dataclass(frozen=True)
class ToyProject:
    """A checkout of the toy project, in a folder whose path has a space."""

    path: Path

    def start(self, *command: str, seconds: float = 0.0) -> subprocess.Popen[str]:
        """Start a command in the project; each bucket takes ``seconds``."""
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=self.environment(seconds),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environment(self, seconds: float = 0.0) -> dict[str, str]:
        """Environment of a user with the project's environment first in PATH."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        mine = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**mine, "PATH": path, "TOY_SECONDS": str(seconds), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project to its end."""
        process = self.start(*command)
        out, error = process.communicate(timeout=300)
        return subprocess.CompletedProcess(command, process.returncode, out, error)

    def flow(self) -> subprocess.CompletedProcess[str]:
        """Build with Prefect."""
        return self.run(sys.executable, "-m", "flows")

    def dvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run DVC."""
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def set(self, **values: object) -> None:
        """Change parameters; ``synthesize__subjects`` stands for ``synthesize.subjects``."""
        path = self.path / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, value in values.items():
            *groups, key = name.split("__")
            inner = params
            for group in groups:
                inner = inner[group]
            inner[key] = value
        path.write_text(yaml.safe_dump(params))

    def edit(self, step: str, old: str, new: str) -> None:
        """Replace lines of a step's code."""
        path = self.path / "tasks" / f"{step}.py"
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    def bytes(self) -> dict[str, Any]:
        """Content of every file below ``data``, and DVC's record, in whatever order it is."""
        record = yaml.safe_load((self.path / "dvc.lock").read_text())
        return {**files(self.path / "data"), "dvc.lock": record}

    def forget(self, record: bool = True) -> None:
        """Remove everything that was built, with all caches; the Prefect database stays.

        record: with DVC's, which else stays as in a clean clone of which it was committed.
        """
        for name in ("data", ".headwater", ".dvc/cache", ".dvc/tmp"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        if record:
            (self.path / "dvc.lock").unlink()
        (self.path / "data").mkdir()
        shutil.copy(PROJECT / "data" / ".gitignore", self.path / "data")

    def left_over(self, seconds: float = 5.0) -> list[list[str]]:
        """Command lines of processes that still work in the folder after ``seconds``."""
        deadline = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return [command_line(process) for process in left]

    def git(self, *arguments: str) -> str:
        """What Git prints, as a user whom it knows."""
        who = ("-c", "user.name=A user", "-c", "user.email=user@example.org")
        return subprocess.run(
            ("git", *who, *arguments), cwd=self.path, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str) -> None:
        """Commit every file that a checkout of the project would have, with DVC's record."""
        (self.path / ".gitignore").write_text((PROJECT / ".gitignore").read_text() + "*.txt\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def wait_for_locks(self, seconds: float = 30.0) -> None:
        """Wait until the kernel has forgotten the processes that DVC's lock file names.

        A killed process keeps its number until init collects it, which takes seconds in some
        containers; so long DVC believes that it works on, and the flow tries again.
        """
        path = self.path / ".dvc" / "tmp" / "rwlock"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text = path.read_text() if path.is_file() else ""
            if not any(psutil.pid_exists(int(pid)) for pid in re.findall(r'"pid": (\d+)', text)):
                return
            time.sleep(0.1)

    def processes(self) -> list[psutil.Process]:
        """Processes that work in the project's folder."""
        found = []
        for process in psutil.process_iter():
            try:
                inside = process.cwd() == str(self.path)
                if inside and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


def files(folder: Path) -> dict[str, Any]:
    """Content of every file below a folder."""
    inside = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in inside}


def make_toy_project(path: Path) -> ToyProject:
    """Copy the toy project, with the real runners and flows, into an empty folder."""
    shutil.copytree(TOY, path, ignore=shutil.ignore_patterns("__pycache__"))
    for name in RUNNERS:
        shutil.copy(PROJECT / "tasks" / f"{name}.py", path / "tasks")
    shutil.copytree(PROJECT / "flows", path / "flows", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "tests" / "alone" / "toy_tables.py", path / "tasks")
    (path / "headwater").symlink_to(PROJECT / "headwater")
    (path / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", "params.yaml", "data/.gitignore"):
        (path / name).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / name, path / name)
    (path / "Makefile").write_text(f"repro:\n\t@exec '{sys.executable}' -m flows $$PPID\n")
    subprocess.run(("git", "init", "--quiet", str(path)), check=True)
    project = ToyProject(path)
    project.set(synthesize__subjects=40, buckets=4)
    return project


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[ToyProject]:
    """A toy project whose processes are ended after the test."""
    project = make_toy_project(tmp_path / "a toy")
    yield project
    for process in project.processes():
        process.kill()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    """A toy project that was built once by the flow; tests leave it as it is."""
    project = make_toy_project(tmp_path_factory.mktemp("built") / "a toy")
    # Settings of the user's own, with which the run would have no log.
    settings = project.path / ".env"
    settings.write_text("PREFECT_LOGGING_TO_API_ENABLED=false\n")
    done = project.flow()
    settings.unlink()
    assert (done.returncode, done.stderr) == (0, "")
    assert project.left_over() == []
    (project.path / "output.txt").write_text(done.stdout)
    return project


@pytest.fixture
def copy_of_built(built: ToyProject, tmp_path: Path) -> Callable[[], ToyProject]:
    """Fresh copies of the built project, with DVC's record and both caches."""
    made: list[Path] = []

    def copy() -> ToyProject:
        made.append(tmp_path / f"copy {len(made)}")
        shutil.copytree(built.path, made[-1], symlinks=True)
        return ToyProject(made[-1])

    return copy
