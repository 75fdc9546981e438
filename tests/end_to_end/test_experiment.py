"""Experiments on workers that have nothing but a clone and a DVC remote, behind SSH or S3."""

import getpass
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flows.server import environment
from tests.end_to_end.test_small_build import small_params
from tests.flows.test_operations import blocks, free_port

PROJECT = Path(__file__).resolve().parents[2]
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
PATIENCE_SECONDS = 1200.0
RATES = (0.0005, 0.002)
# What training and evaluation read and make; of everything else a worker fetches nothing.
READ = {
    "cameras/cameras", "cameras/rejects", "code", "contents", "evaluate/baselines/heads",
    "head_model", "ingest/frames", "ingest/rejects", "landmarks/landmarks", "landmarks/rejects",
    "masks/masks", "masks/rejects", "other_heads", "plugins/own", "synthesize/frames",
    "synthesize/heads", "synthesize/truth",
}  # fmt: skip
MADE = ("inputs/glvd", "train/glvd", "evaluate/glvd")


@dataclass(frozen=True)
class Checkout:
    """A checkout of the project and the environment of its user."""

    path: Path
    environment: dict[str, str]

    def run(self, *command: str) -> str:
        """What a command of Python's modules, or of Git, prints."""
        words = command if command[0] == "git" else (sys.executable, "-m", *command)
        return self._printed(words).strip()

    def shell(self, commands: str) -> str:
        """Output of shell commands; what they start in the background goes on."""
        return self._printed(("bash", "-euo", "pipefail", "-c", commands))

    def _printed(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self, *folders: str) -> dict[str, bytes]:
        """Content of the files of some folders of the data."""
        data = self.path / "data"
        paths = [path for folder in folders for path in (data / folder).rglob("*")]
        return {str(path.relative_to(data)): path.read_bytes() for path in paths if path.is_file()}


def wait_until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def answers(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def end_all_in(folder: Path) -> None:
    """Kill every process that works in a folder or below."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(folder):
                process.kill()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that end with the test."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    end_all_in(tmp_path)
    for process in reversed(started):
        process.kill()
        process.wait()


Commands = list[tuple[str, ...]]


@pytest.fixture(params=["ssh", "s3"])
def remote(
    request: pytest.FixtureRequest, tmp_path: Path, processes: list[subprocess.Popen[bytes]]
) -> Commands:
    """Commands of DVC that name a remote behind a server of this test's own."""
    make = {"ssh": behind_ssh, "s3": behind_s3}[request.param]
    return [*make(tmp_path, processes), ("remote", "modify", "--local", "team", "verify", "true")]


def behind_ssh(folder: Path, processes: list[subprocess.Popen[bytes]]) -> Commands:
    """A folder behind a real SSH server."""
    pytest.importorskip("dvc_ssh", reason="needs the extra ssh: pip install -e '.[ssh]'")
    if SSHD is None or shutil.which("ssh-keygen") is None:
        pytest.skip("this machine has no sshd (Debian: openssh-server)")
    home, port = folder / "ssh", free_port()
    home.mkdir(mode=0o700)
    for key in ("host", "user"):
        command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / key))
        subprocess.run(command, check=True)
    shutil.copy(home / "user.pub", home / "authorized_keys")
    (home / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home / 'host'}\n"
        f"AuthorizedKeysFile {home / 'authorized_keys'}\nPidFile none\nStrictModes no\n"
        "UsePAM no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n"
    )
    if os.geteuid() == 0:
        # Debian's service makes it before it starts sshd, which refuses to run as root without.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = home / "sshd.log"
    command = (SSHD, "-D", "-f", str(home / "sshd_config"), "-E", str(log))
    processes.append(subprocess.Popen(command))
    wait_until(lambda: answers(port) or processes[-1].poll() is not None, "sshd does not answer")
    assert processes[-1].poll() is None, log.read_text()
    (folder / "remote").mkdir()
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder / 'remote'}"
    return [
        ("remote", "add", "--local", "--default", "team", url),
        ("remote", "modify", "--local", "team", "keyfile", str(home / "user")),
    ]


def behind_s3(folder: Path, processes: list[subprocess.Popen[bytes]]) -> Commands:
    """A bucket of moto's server, which speaks S3 over HTTP."""
    pytest.importorskip("dvc_s3", reason="needs the extra s3: pip install -e '.[s3]'")
    pytest.importorskip("moto.server", reason="needs moto: pip install 'moto[server]'")
    import s3fs

    port = free_port()
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    with (folder / "moto.log").open("wb") as log:
        processes.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
    wait_until(lambda: answers(port), "moto does not start")
    url = f"http://127.0.0.1:{port}"
    s3fs.S3FileSystem(endpoint_url=url, key="key", secret="secret").mkdir("headwater")
    settings = {"endpointurl": url, "access_key_id": "key", "secret_access_key": "secret"}
    return [
        ("remote", "add", "--local", "--default", "team", "s3://headwater/store"),
        *(("remote", "modify", "--local", "team", *pair) for pair in settings.items()),
    ]


def given(path: Path, base: dict[str, str], remote: Commands) -> Checkout:
    """The checkout in a folder, with the DVC remote."""
    checkout = Checkout(path, base)
    for arguments in remote:
        checkout.run("dvc", *arguments)
    return checkout


@pytest.fixture
def submitter(tmp_path: Path, remote: Commands) -> Checkout:
    """A small build whose record is at Git's origin, and its artifacts at the DVC remote."""
    path, origin = tmp_path / "submitter", tmp_path / "origin.git"
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, path / name)
    small_params(path)
    subprocess.run(
        ("git", "init", "--quiet", "--bare", "--initial-branch=main", str(origin)), check=True
    )
    subprocess.run(("git", "init", "--quiet", "--initial-branch=main", str(path)), check=True)
    checkout = given(path, surroundings(tmp_path), remote)
    checkout.run("dvc", "repro", "--quiet", "evaluate@glvd")
    checkout.run("git", "add", "--all")
    checkout.run("git", "commit", "--quiet", "--message", "Built")
    checkout.run("git", "remote", "add", "origin", str(origin))
    checkout.run("git", "push", "--quiet", "origin", "main")
    checkout.run("dvc", "push")
    return checkout


def surroundings(folder: Path) -> dict[str, str]:
    """Environment of everyone: Prefect's settings of the test alone, a name for Git, one thread."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    made = environment({**os.environ, "PATH": path}, folder, free_port(), "")
    kept = {name: value for name, value in made.items() if "AUTH" not in name and value}
    kept.pop("PYTHONPATH", None)
    roles = {f"GIT_{role}": "A user" for role in ("AUTHOR_NAME", "COMMITTER_NAME")}
    roles |= {f"GIT_{role}": "a@b.org" for role in ("AUTHOR_EMAIL", "COMMITTER_EMAIL")}
    return {**kept, **roles, "OMP_NUM_THREADS": "1"}


def objects(checkout: Checkout) -> set[str]:
    """MD5s of the files in a clone's DVC cache, without listings of folders."""
    paths = (checkout.path / ".dvc" / "cache" / "files" / "md5").glob("??/*")
    names = {path.parent.name + path.name for path in paths}
    return {name for name in names if not name.endswith(".dir")}


def md5s(files: dict[str, bytes]) -> set[str]:
    return {hashlib.md5(content).hexdigest() for content in files.values()}


def experiment_commands() -> list[str]:
    """Commands of docs/operations.md that start a worker, submit and take, for a small CPU."""
    document = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = document.split("\n## Experiments\n")[1].split("\n## ")[0].replace('"cuda"', '"cpu"')
    return blocks(section.replace('"small"', '"smoke"'))


@pytest.mark.slow
def test_two_workers_with_a_clone_each_train_what_another_machine_takes(
    submitter: Checkout,
    remote: Commands,
    tmp_path: Path,
    processes: list[subprocess.Popen[bytes]],
) -> None:
    base = submitter.environment
    port = int(base["PREFECT_SERVER_API_PORT"])
    with (tmp_path / "server.log").open("wb") as log:
        command = (sys.executable, "-m", "prefect", "server", "start", "--no-ui")
        processes.append(subprocess.Popen(command, cwd=tmp_path, env=base, stdout=log, stderr=log))
    wait_until(lambda: answers(port), "the Prefect server does not start")
    for pool in ("cpu", "gpu"):
        submitter.run("prefect", "work-pool", "create", pool, "--type", "process")
    submitter.run("prefect", "--no-prompt", "deploy", "--all")
    start, submit, take = experiment_commands()
    workers = []
    for name in ("a", "b"):
        path = tmp_path / f"worker {name}"
        submitter.run("git", "clone", "--quiet", str(tmp_path / "origin.git"), str(path))
        workers.append(given(path, base, remote))
        workers[-1].shell(start)
    for rate in RATES:
        submitter.shell(submit.replace("0.0005", str(rate)))

    def branches() -> list[str]:
        listed = submitter.run("git", "ls-remote", "--heads", "origin", "experiment/*")
        return [line.split("refs/heads/")[1] for line in listed.splitlines()]

    logs = [worker.path / ".headwater" / "logs" / "gpu-0.log" for worker in workers]
    wait_until(
        lambda: len(branches()) == 2 or any("Failed" in log.read_text() for log in logs),
        "no branches",
    )
    said = [log.read_text() for log in logs]
    assert len(branches()) == 2, said
    for log in said:
        assert log.count("evaluate@glvd: ") == 1
    made, weights = set(), set()
    for _ in RATES:
        shutil.rmtree(submitter.path / "data" / "train")
        shutil.rmtree(submitter.path / "data" / "evaluate" / "glvd")
        branch = submitter.shell(f"{take}\necho $branch").splitlines()[-1]
        submitter.run("dvc", "pull", "inputs@glvd")
        stages = ("inputs@glvd", "train@glvd", "evaluate@glvd")
        assert "up to date" in submitter.run("dvc", "status", *stages)
        made |= md5s(submitter.files(*MADE))
        submitter.run("git", "push", "--quiet", "--delete", *branch.split("/", 1))
        submitter.run("git", "fetch", "--quiet", "--prune", "origin")
        weights.add(submitter.files("train/glvd")["train/glvd/weights.safetensors"])
    assert len(weights) == 2
    read = md5s(submitter.files(*READ))
    for worker in workers:
        there = objects(worker)
        assert there >= read
        assert there <= read | made
        assert list((worker.path / ".headwater" / "experiments").iterdir()) == []
        assert worker.run("git", "status", "--short") == ""
