"""A build ends once its server is gone for good, and not when it is started again."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.server_watch import address_of

PROJECT = Path(__file__).resolve().parents[2]
WATCH = """
import sys, time
from flows.server_watch import end_without_server
end_without_server(sys.argv[1], patience=2.0)
print("watching", flush=True)
time.sleep(float(sys.argv[2]))
print("done", flush=True)
"""


def watching(url: str, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        (sys.executable, "-c", WATCH, url, str(seconds)),
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "watching\n"
    return process


@pytest.fixture
def server() -> socket.socket:
    """A socket that listens, whose kernel takes calls that nobody answers."""
    return socket.create_server(("127.0.0.1", 0))


def url_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}/api"


@pytest.mark.fault("a build whose Prefect server goes away says so, and loses nothing")
def test_process_ends_once_nobody_listens_for_long(server: socket.socket) -> None:
    url = url_of(server)
    process = watching(url, 60)
    time.sleep(1)
    assert process.poll() is None
    server.close()
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert error == (
        f"error: the Prefect server at {url} is gone for 2 s; what is finished is kept: start it, "
        "and the next run goes on from there\n"
    )


@pytest.mark.fault("a build whose Prefect server goes away says so, and loses nothing")
def test_server_that_is_started_again_in_time_is_waited_for(server: socket.socket) -> None:
    address = server.getsockname()
    process = watching(url_of(server), 4)
    server.close()
    time.sleep(0.7)
    with socket.create_server(address):
        out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error) == (0, "done\n", "")


def test_server_that_only_a_proxy_reaches_is_not_watched(server: socket.socket) -> None:
    url = url_of(server)
    server.close()
    process = watching(url, 3)
    assert process.communicate(timeout=30) == ("done\n", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:4200/api", ("127.0.0.1", 4200)),
        ("https://prefect.example.org/api", ("prefect.example.org", 443)),
        ("http://[::1]:4200/api", ("::1", 4200)),
        ("", None),
        ("http://host:99999/api", None),
        ("ftp://host/api", None),
    ],
)
def test_address_of_a_server(url: str, address: tuple[str, int] | None) -> None:
    assert address_of(url) == address
