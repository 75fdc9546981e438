"""Where buckets are computed: the bytes are the same, and who dies costs its bucket alone."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml

import tasks.runners
from headwater.errors import HeadwaterError
from tasks.runners import crew_of
from tests.end_to_end.test_small_build import BUCKETED, small_params
from tests.flows.conftest import ToyProject
from tests.flows.test_operations import DOCUMENT, blocks, free_port

PATIENCE_SECONDS = 300.0
# Written by the toy step "numbers" to its process's standard output, once a bucket.
CHATTER = "C chatter"
# Steps of the real graph, one after the other.
STEPS = """
import sys
from importlib import import_module
from pathlib import Path

from headwater.config import load_params
from headwater.pipeline.run import assemble
from tasks.workers import Workers

if __name__ == "__main__":
    project = Path.cwd()
    params = load_params(project / "params.yaml")
    with Workers(params, project, runner=params.runner) as workers:
        for name in sys.argv[1:]:
            module = import_module(f"tasks.{name}")
            if hasattr(module, "STEP"):
                assemble(module.STEP, params, project, workers.compute_all)
            else:
                module.main()
"""


class Cluster:
    """A Dask cluster with two workers in a project's folder, by the commands of the documents."""

    def __init__(self, project: ToyProject, seconds: float = 0.0) -> None:
        pytest.importorskip("distributed", reason="needs the extra dask: pip install -e '.[dask]'")
        port = free_port()
        self.runner = f"dask://127.0.0.1:{port}"
        self.output = project.path / ".headwater" / "logs" / "dask.log"
        [start] = blocks(
            DOCUMENT.read_text(encoding="utf-8").split("\n## Buckets on a cluster\n")[1]
        )
        self._project = project
        subprocess.run(
            ("bash", "-euo", "pipefail", "-c", start.replace("8786", str(port))),
            cwd=project.path,
            env=project.environment(seconds),
            stdin=subprocess.DEVNULL,
            check=True,
        )

    def computed(self) -> int:
        """Buckets of the step "numbers" that were begun; each writes two lines."""
        return self.output.read_text().count(CHATTER) // 2

    def kill_one(self) -> None:
        """Kill a process that computes buckets; its nanny starts another."""
        [worker, *_] = [one for one in self._processes() if "spawn_main" in " ".join(one.cmdline())]
        worker.kill()

    def end(self) -> None:
        for process in self._processes():
            process.kill()

    def _processes(self) -> list[psutil.Process]:
        """The cluster's processes, nannies before those that they start again."""
        ours = self._project.processes()
        heads = [one for one in ours if "dask" in one.cmdline()]
        return [*heads, *(child for one in heads for child in one.children(recursive=True))]


@pytest.fixture
def cluster_in() -> Iterator[Callable[..., Cluster]]:
    started: list[Cluster] = []

    def start(project: ToyProject, seconds: float = 0.0) -> Cluster:
        started.append(Cluster(project, seconds))
        return started[-1]

    yield start
    for cluster in started:
        cluster.end()


@pytest.mark.slow
def test_threads_give_the_same_bytes(toy: ToyProject, built: ToyProject) -> None:
    toy.set(runner="threads")
    done = toy.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert CHATTER not in done.stdout
    assert toy.bytes() == built.bytes()


@pytest.mark.fault("a worker of a cluster that is killed costs its bucket, which another computes")
@pytest.mark.slow
def test_killed_worker_of_a_cluster_costs_its_bucket_alone(
    toy: ToyProject, built: ToyProject, cluster_in: Callable[..., Cluster]
) -> None:
    cluster = cluster_in(toy, seconds=4.0)
    toy.set(runner=cluster.runner)
    build = toy.start(sys.executable, "-m", "flows")
    deadline = time.monotonic() + PATIENCE_SECONDS
    # Both workers are at work.
    while cluster.computed() < 2:
        assert time.monotonic() < deadline, cluster.output.read_text()
        time.sleep(0.05)
    cluster.kill_one()
    out, errors = build.communicate(timeout=PATIENCE_SECONDS)
    assert (build.returncode, errors) == (0, ""), out
    assert toy.bytes() == built.bytes()
    # One of four was begun twice.
    assert cluster.computed() == 5


@pytest.mark.fault("a cluster never computes with code that was edited since it loaded it")
@pytest.mark.slow
def test_cluster_older_than_the_code_is_refused(
    toy: ToyProject, cluster_in: Callable[..., Cluster]
) -> None:
    toy.set(runner=cluster_in(toy).runner)
    assert toy.run(sys.executable, "-m", "tasks.numbers").returncode == 0
    toy.edit("numbers", "value % 10 == 9", "value % 10 == 8")
    done = toy.run(sys.executable, "-m", "tasks.numbers")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {toy.path / 'tasks' / 'numbers.py'}: was edited; "
        "start the cluster's workers again\n"
    )


@pytest.mark.slow
def test_real_steps_give_the_same_bytes_in_all_runners(
    tmp_path: Path, cluster_in: Callable[..., Cluster]
) -> None:
    made = {}
    for name in ("processes", "threads", "dask"):
        project = ToyProject(tmp_path / name)
        project.path.mkdir()
        small_params(project.path)
        project.set(runner=cluster_in(project).runner if name == "dask" else name)
        script = project.path / "steps.py"
        script.write_text(STEPS)
        done = project.run(sys.executable, str(script), "portraits", "head_model", *BUCKETED)
        assert done.returncode == 0, done.stderr
        data = project.path / "data"
        files = [path for path in data.rglob("*") if path.is_file()]
        made[name] = {str(path.relative_to(data)): path.read_bytes() for path in files}
    assert len(made["processes"]) > 50
    assert made["threads"] == made["processes"]
    assert made["dask"] == made["processes"]


@pytest.mark.fault("a runner that cannot serve is one sentence, before anything runs")
def test_cluster_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="needs the extra dask: pip install -e '.[dask]'")
    monkeypatch.setattr(tasks.runners, "JOIN_SECONDS", 1)
    port = free_port()
    with pytest.raises(HeadwaterError, match=f"runner is dask://127.0.0.1:{port}, but no cluster"):
        crew_of(f"dask://127.0.0.1:{port}", tmp_path / "log")


@pytest.mark.fault("a runner that cannot serve is one sentence, before anything runs")
def test_cluster_without_its_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(HeadwaterError, match=r"needs the package distributed: .*\[dask\]"):
        crew_of("dask://127.0.0.1:8786", tmp_path / "log")


@pytest.mark.fault("a runner that cannot serve is one sentence, before anything runs")
@pytest.mark.parametrize("runner", ["dask", "dask://host", "ray://host:1", "dask://a b:1"])
def test_unknown_runner_is_refused_by_name(toy: ToyProject, runner: str) -> None:
    path = toy.path / "params.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "runner": runner}))
    done = toy.flow()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: params.yaml: runner is '{runner}', but: ")
