"""The scheduled build: a deployment that a Prefect worker runs and that its page cancels."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from prefect.utilities.callables import parameter_schema

from flows import server_watch
from tasks.lifeline import command_line
from tests.flows.conftest import PROJECT, ToyProject
from tests.flows.test_kill import find, wait_for

PATIENCE_SECONDS = 300.0
SERVE = """
import json, time
from pathlib import Path
from flows.server import PrefectServer
server = PrefectServer(Path.cwd())
server.wait()
print(json.dumps(dict(server.environment)), flush=True)
time.sleep(3600)
"""
CANCEL = """
from prefect.client.orchestration import get_client
from prefect.states import Cancelling
with get_client(sync_client=True) as client:
    [run] = client.read_flow_runs()
    client.set_flow_run_state(run.id, Cancelling())
"""


@dataclass(frozen=True)
class Deployment:
    """The toy project's deployment on a Prefect server of its own, with a worker at work."""

    project: ToyProject
    environment: dict[str, str]
    output: Path

    def prefect(self, *arguments: str) -> None:
        """Run Prefect's command line."""
        self.python("-m", "prefect", *arguments)

    def python(self, *arguments: str) -> None:
        """Run Python as a client of the server."""
        subprocess.run(
            (sys.executable, *arguments),
            cwd=self.project.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
        )

    def wait_for(self, pattern: str) -> str:
        """Text on the worker's console, once the pattern is there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not re.search(pattern, shown := self.output.read_text()):
            assert time.monotonic() < deadline, shown
            time.sleep(0.2)
        return shown


@pytest.fixture
def deploy(
    copy_of_built: Callable[[], ToyProject], tmp_path: Path
) -> Iterator[Callable[[float], Deployment]]:
    """Deploy a toy project that is not built, each bucket of which takes the given seconds."""
    started: list[ToyProject] = []

    def start(seconds: float) -> Deployment:
        project = copy_of_built()
        project.forget()
        shutil.rmtree(project.path / ".prefect")
        shutil.copy(PROJECT / "prefect.yaml", project.path)
        project.commit("not built")
        started.append(project)
        server = project.start(sys.executable, "-c", SERVE)
        assert server.stdout is not None
        environment = json.loads(server.stdout.readline())
        environment["TOY_SECONDS"] = str(seconds)
        deployment = Deployment(project, environment, tmp_path / "worker.txt")
        deployment.prefect("work-pool", "create", "cpu", "--type", "process")
        deployment.prefect("--no-prompt", "deploy", "--name", "rebuild")
        with deployment.output.open("w") as output:
            subprocess.Popen(
                (sys.executable, "-m", "prefect", "worker", "start", "--pool", "cpu"),
                cwd=project.path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deployment.prefect("deployment", "run", "rebuild/rebuild")
        return deployment

    yield start
    for project in started:
        for process in project.processes():
            process.kill()


@pytest.mark.slow
def test_console_of_the_worker_shows_every_line_once(
    deploy: Callable[[float], Deployment], built: ToyProject
) -> None:
    deployment = deploy(0)
    shown = deployment.wait_for(r"Flow run '[^']+' - Finished in state Completed")
    for line in ("36 items, 4 rejected: nine 4 ", "doubles  ", "squares  ", "sum 19104 "):
        assert shown.count(line) == 1
    assert deployment.project.bytes() == built.bytes()


@pytest.mark.fault("a build that is stopped ends at once and quietly")
@pytest.mark.slow
def test_cancelled_run_ends_its_processes_without_a_traceback_and_loses_nothing(
    deploy: Callable[[float], Deployment], built: ToyProject
) -> None:
    deployment = deploy(60)
    wait_for(deployment.project, "tasks.worker")
    deployment.python("-c", CANCEL)
    shown = deployment.wait_for("was cancelled")
    deadline = time.monotonic() + 10
    while find(deployment.project, "tasks.worker") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "Traceback" not in shown + deployment.output.read_text()
    project = deployment.project
    project.wait_for_locks()
    done = project.dvc("repro")
    assert done.returncode == 0, done.stderr
    assert project.bytes() == built.bytes()


@pytest.mark.fault("a build whose Prefect server goes away says so, and loses nothing")
@pytest.mark.slow
def test_a_run_whose_server_is_killed_ends_with_a_clear_line_and_loses_nothing(
    deploy: Callable[[float], Deployment], built: ToyProject
) -> None:
    deployment = deploy(8)
    project = deployment.project
    wait_for(project, "flows.dvc_process")
    started = time.monotonic()
    wait_for(project, "flows.server_process").kill()
    shown = deployment.wait_for(r"error: the Prefect server at \S+ is gone for 45 s; .*\n")
    assert f'File "{project.path}' not in shown, "a traceback of the build"
    deadline = time.monotonic() + 5
    while (run := find(project, "tasks.worker") or find(project, "flows.dvc_process")) is not None:
        assert time.monotonic() < deadline, command_line(run)
        time.sleep(0.1)
    # Before Prefect's client gives up, and every task ends in a traceback.
    assert time.monotonic() - started < 90
    project.wait_for_locks()
    done = project.dvc("repro")
    assert done.returncode == 0, done.stderr
    assert project.bytes() == built.bytes()


@pytest.mark.fault(
    "a run that is stopped while its Prefect server goes away ends, and loses nothing"
)
@pytest.mark.slow
@pytest.mark.parametrize("told", ["prefect worker", "prefect.engine", "page"])
def test_a_run_that_is_stopped_while_its_server_goes_away_ends_and_loses_nothing(
    deploy: Callable[[float], Deployment], built: ToyProject, told: str
) -> None:
    """Its worker or itself is terminated, or it is cancelled from the page as a last thing."""
    deployment = deploy(60)
    project = deployment.project
    wait_for(project, "tasks.worker")
    if told == "page":
        deployment.python("-c", CANCEL)
    wait_for(project, "flows.server_process").kill()
    if told != "page":
        wait_for(project, told).terminate()
    started = time.monotonic()
    run = ("prefect.engine", "flows.dvc_process", "tasks.worker")
    while any(find(project, words) is not None for words in run):
        # A run that tells its end to a server that is gone is ended by its watch of that.
        assert time.monotonic() - started < 2 * server_watch.PATIENCE_SECONDS, project.left_over(0)
        time.sleep(0.1)
    assert f'File "{project.path}' not in deployment.output.read_text(), "a traceback of the build"
    project.wait_for_locks()
    done = project.dvc("repro")
    assert done.returncode == 0, done.stderr
    assert project.bytes() == built.bytes()


def test_form_of_a_run_is_filled_in_and_says_what_each_field_is() -> None:
    deployments = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    names = {one["name"]: one for one in deployments}
    assert names.keys() == {"rebuild", "experiment"}
    for name, deployment in names.items():
        file, _, function = deployment["entrypoint"].partition(":")
        flow = getattr(import_module(file.removesuffix(".py").replace("/", ".")), function)
        assert flow.name == name
        flow.validate_parameters(deployment["parameters"])
        schema = parameter_schema(flow.fn).properties
        assert schema.keys() == deployment["parameters"].keys()
        assert all(field["description"] and "type" in field for field in schema.values())
