"""A DVC remote that dies while a build is sent to it: it has whole objects, and later the rest."""

import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from headwater.upkeep.recorded import md5_of
from headwater.upkeep.repair import read_record
from tests.upkeep.dvc_project import dvc, set_remote, start_dvc, write_stages
from tests.upkeep.test_repair import flip

MAKE = """\
import pathlib, random, sys
from headwater.artifacts.manifest import write_manifest
for name in range(int(sys.argv[2])):
    path = pathlib.Path("data", sys.argv[1], f"{name}.bin")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(name).randbytes(50_000))
write_manifest(path.parent)
"""
# The twelve, of which the folder of one has the first, two manifests and two listings.
OBJECTS = 16
PUSH = (sys.executable, "-m", "headwater.cli", "push")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recorded folders, of one file and of twelve, with manifests."""
    path = tmp_path_factory.mktemp("recorded") / "project"
    (path / "data").mkdir(parents=True)
    (path / "make.py").write_text(MAKE)
    start_dvc(path)
    counts = {"one": 1, "many": 12}
    stages = {n: ("make.py", f"{n} {count}", f"data/{n}") for n, count in counts.items()}
    write_stages(path, stages)
    dvc(path, "repro", "--quiet")
    return path


@pytest.fixture
def project(recorded: Path, tmp_path: Path) -> Path:
    """A copy of them."""
    return Path(shutil.copytree(recorded, tmp_path / "project"))


class Remote(ThreadingHTTPServer):
    """A store behind HTTP that keeps whole objects, and dies in the middle of one if told to.

    dies_at: the number of the upload that it does not survive.
    """

    def __init__(self, objects: dict[str, bytes], dies_at: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.objects, self.dies_at = objects, dies_at
        self.uploads = 0
        self.dead = threading.Event()


class _Request(BaseHTTPRequestHandler):
    server: Remote

    def do_GET(self) -> None:
        content = self.server.objects.get(self.path)
        self._end(404 if content is None else 200, content or b"")

    def do_POST(self) -> None:
        self.server.uploads += 1
        if self.server.uploads == self.server.dies_at:
            self.server.dead.set()
        if self.server.dead.is_set():
            self.rfile.read1(1000)
            self.close_connection = True
            self.connection.close()
            return
        self.server.objects[self.path] = self._body()
        self._end(200)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers["Content-Length"]))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _end(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving(objects: dict[str, bytes], dies_at: int | None = None) -> Iterator[Remote]:
    with Remote(objects, dies_at) as remote:
        thread = threading.Thread(target=remote.serve_forever, daemon=True)
        thread.start()
        yield remote
        remote.shutdown()
        thread.join()


def pushed(project: Path, remote: Remote) -> subprocess.CompletedProcess[str]:
    set_remote(project, f"http://127.0.0.1:{remote.server_port}")
    return subprocess.run(PUSH, cwd=project, check=False, capture_output=True, text=True)


@pytest.mark.fault(
    "a remote that dies in a push has whole objects alone, and the next push ends it"
)
def test_a_push_to_a_remote_that_dies_is_one_sentence_and_can_be_completed(project: Path) -> None:
    objects: dict[str, bytes] = {}
    with serving(objects, dies_at=5) as remote:
        done = pushed(project, remote)
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == (
        "error: not all objects came there; mend what DVC says and push again, which sends the rest"
    )
    assert len(objects) == 4
    # Who fetches the folder meanwhile is refused: what lists its files is not there.
    [listing] = [one.md5 for one in read_record(project).outputs if one.path == "data/many"]
    assert f"/files/md5/{listing[:2]}/{listing[2:]}" not in objects
    with serving(objects) as remote:
        done = pushed(project, remote)
        assert done.returncode == 0, done.stderr
        assert remote.uploads == OBJECTS - 4
    sent = {path.removeprefix("/files/md5/").replace("/", ""): objects[path] for path in objects}
    assert sent.keys() == {copy.md5 for copy in read_record(project).all_objects()}
    assert all(md5_of(content) == md5.removesuffix(".dir") for md5, content in sent.items())


def cut(path: Path, chance: random.Random) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: chance.randrange(40_000)])
    path.chmod(0o444)


def lose(path: Path, chance: random.Random) -> None:
    path.unlink()


@pytest.mark.fault("rot at a remote or in the cache is named, 4 of 4")
def test_rot_in_the_cache_is_named_before_anything_is_sent(project: Path, tmp_path: Path) -> None:
    set_remote(project, "../../remote")
    record = read_record(project)
    rotten = {f"data/many/{n}.bin": rot for n, rot in enumerate((flip, cut, lose), start=6)}
    for name, rot in rotten.items():
        rot(record.objects.path(record.files[name][0]), random.Random(1))
    done = subprocess.run(PUSH, cwd=project, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    for name in rotten:
        place = record.objects.path(record.files[name][0]).relative_to(project)
        assert f"error: {place}: the object of {name} is " in done.stderr
    assert not (tmp_path / "remote").exists()


@pytest.fixture(scope="module")
def sent(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a remote that has everything, and a clone that has only the record."""
    folder = tmp_path_factory.mktemp("sent")
    project = shutil.copytree(recorded, folder / "project")
    set_remote(project, "../../remote")
    dvc(project, "push", "--quiet")
    leave = shutil.ignore_patterns("cache", "tmp", "data")
    shutil.copytree(project, folder / "clone", ignore=leave)
    return folder


@pytest.mark.fault("rot at a remote or in the cache is named, 4 of 4")
@pytest.mark.parametrize("rots", [(flip, cut), (lose,)])
def test_rot_at_a_remote_is_named_by_who_fetches(
    sent: Path, tmp_path: Path, rots: tuple[Callable[[Path, random.Random], None], ...]
) -> None:
    files = read_record(sent / "project").files
    remote = shutil.copytree(sent / "remote", tmp_path / "remote")
    rotten = {f"data/many/{n}.bin": rot for n, rot in enumerate(rots, start=6)}
    for name, rot in rotten.items():
        md5, _ = files[name]
        rot(remote / "files" / "md5" / md5[:2] / md5[2:], random.Random(2))
    clone = shutil.copytree(sent / "clone", tmp_path / "clone")
    pull = (sys.executable, "-m", "dvc", "pull")
    done = subprocess.run(pull, cwd=clone, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    verify = (sys.executable, "-m", "headwater.cli", "verify")
    seen = subprocess.run(verify, cwd=clone, check=False, capture_output=True, text=True)
    assert seen.returncode in (1, 2)
    for name, rot in rotten.items():
        # DVC itself names what a remote has not.
        assert f"{name}: is not whole at the remote" in seen.stdout or (
            rot is lose and files[name][0] in done.stderr
        )
