"""A DVC remote that dies while a build is sent to it: it has whole objects, and later the rest."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from headwater.upkeep.recorded import md5_of
from headwater.upkeep.repair import read_record

MAKE = """\
import pathlib, random
for name in range(12):
    path = pathlib.Path("data/many", f"{name}.bin")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(name).randbytes(50_000))
"""
PUSH = (sys.executable, "-m", "headwater.cli", "push")


def dvc(project: Path, *arguments: str) -> None:
    subprocess.run((sys.executable, "-m", "dvc", *arguments), cwd=project, check=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A recorded folder of twelve files."""
    path = tmp_path / "project"
    (path / "data").mkdir(parents=True)
    (path / "many.py").write_text(MAKE)
    dvc(path, "init", "--quiet", "--no-scm")
    stage = ("stage", "add", "--quiet", "-n", "many", "-d", "many.py", "-o", "data/many")
    dvc(path, *stage, f"'{sys.executable}' many.py")
    dvc(path, "repro", "--quiet")
    return path


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
    url = f"http://127.0.0.1:{remote.server_port}"
    dvc(project, "remote", "add", "--force", "--quiet", "--default", "team", url)
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
    assert not any(path.endswith(".dir") for path in objects)
    with serving(objects) as remote:
        done = pushed(project, remote)
        assert done.returncode == 0, done.stderr
        assert remote.uploads == 13 - 4
    sent = {path.removeprefix("/files/md5/").replace("/", ""): objects[path] for path in objects}
    assert sent.keys() == {copy.md5 for copy in read_record(project).all_objects()}
    assert all(md5_of(content) == md5.removesuffix(".dir") for md5, content in sent.items())
