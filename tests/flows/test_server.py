"""The build's Prefect server: its own settings, and nobody else gets in."""

import base64
import http.client
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from flows.server import PrefectServer, environment, last_error

PROJECT = Path(__file__).resolve().parents[2]
LETTERS = "a %41 $HOME # ?x 'q'"
CLIENT = """
import asyncio
from prefect.client.orchestration import get_client
from prefect.server.schemas.core import Flow

async def main():
    async with get_client() as client:
        print(str(client.api_url).rstrip("/"))
        await client.create_flow_from_name("theirs")
        print([flow.name for flow in await client.read_flows()])

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server in a folder with odd letters, of a user with Prefect settings and a proxy."""
    project = tmp_path_factory.mktemp("server") / LETTERS
    (project / ".prefect").mkdir(parents=True)
    (project / ".prefect").chmod(0o755)
    (project / ".env").write_text(
        "PREFECT_SERVER_API_BASE_PATH=/theirs\nPREFECT_SERVER_EPHEMERAL_ENABLED=true\n"
    )
    (project / "prefect.toml").write_text('[server.ui]\nserve_base = "/theirs"\n')
    (project / "pyproject.toml").write_text("[tool.prefect.server.ui]\nenabled = false\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(PROJECT))
        patch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "sqlite+aiosqlite:////nowhere/theirs")
        patch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "sqlite+aiosqlite:////nowhere/x")
        patch.setenv("PREFECT_SERVER_API_AUTH_STRING", "admin:theirs")
        patch.setenv("prefect_server_api_base_path", "/theirs")
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        patch.setenv("ALL_PROXY", "socks://127.0.0.1:9")
        patch.setenv("NO_PROXY", "::1/128")
        started = PrefectServer(project)
        try:
            started.wait()
            yield started
        finally:
            started.stop()


def password(server: PrefectServer) -> dict[str, str]:
    text = server.environment["PREFECT_API_AUTH_STRING"].encode()
    return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


def ask(
    server: PrefectServer, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(urlsplit(server.link).netloc, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), dict(answer.getheaders())


@pytest.mark.fault("the build's server is closed to other users and to other pages")
def test_another_user_without_the_password_reads_and_deletes_nothing(server: PrefectServer) -> None:
    assert ask(server, "GET", "/api/admin/settings")[0] == 401
    assert ask(server, "POST", "/api/flows/filter", "{}")[0] in (401, 403)
    theirs = {"Authorization": "Basic YWRtaW46dGhlaXJz"}
    assert ask(server, "GET", "/api/admin/settings", **theirs)[0] == 401
    assert ask(server, "GET", "/api/admin/settings", **password(server))[0] == 200


@pytest.mark.fault("the build's server is closed to other users and to other pages")
def test_the_password_is_on_no_command_line_and_in_no_file(server: PrefectServer) -> None:
    secret = urlsplit(server.link).fragment
    assert len(secret) >= 32
    project = Path(server.environment["PREFECT_HOME"]).parent
    assert stat.S_IMODE((project / ".prefect").stat().st_mode) == 0o700
    for path in project.rglob("*"):
        if path.is_file() and "ui" not in path.parts:
            assert secret.encode() not in path.read_bytes()
    children = psutil.Process().children(recursive=True)
    running = [one for one in children if one.status() != psutil.STATUS_ZOMBIE]
    assert running
    assert not any(secret in " ".join(process.cmdline()) for process in running)


@pytest.mark.fault("the build's server is closed to other users and to other pages")
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_site_is_refused_even_with_the_password(
    server: PrefectServer, origin: str
) -> None:
    status, _, headers = ask(
        server, "GET", "/api/admin/settings", Origin=origin, **password(server)
    )
    assert status == 403
    assert not any("access-control" in name.lower() for name in headers)
    assert ask(server, "OPTIONS", "/api/flows/filter", Origin=origin)[0] == 403


@pytest.mark.fault("the build's server is closed to other users and to other pages")
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_a_name_server_that_points_at_the_loopback_is_refused(
    server: PrefectServer, host: str
) -> None:
    for path in ("/", "/api/health", "/api/admin/settings"):
        assert ask(server, "GET", path, Host=host, **password(server))[0] == 400


@pytest.mark.fault("the build's server is closed to other users and to other pages")
def test_a_change_needs_the_token_against_forged_requests(server: PrefectServer) -> None:
    status, text, _ = ask(server, "POST", "/api/flows/filter", "{}", **password(server))
    assert (status, json.loads(text)["detail"]) == (403, "Missing CSRF token.")


@pytest.mark.fault("the build's server is closed to other users and to other pages")
def test_web_sockets_of_other_pages_are_refused(server: PrefectServer) -> None:
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec_WebSocket_Protocol": "prefect",
    }
    assert ask(server, "GET", "/api/events/out", **asked)[0] == 101
    assert ask(server, "GET", "/api/events/out", Origin="http://evil.example", **asked)[0] == 403


@pytest.mark.fault("a user's own Prefect settings and proxies do not reach the build's server")
def test_the_builds_client_reaches_the_builds_server_past_the_proxy(server: PrefectServer) -> None:
    done = subprocess.run(
        (sys.executable, "-c", CLIENT),
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [server.environment["PREFECT_API_URL"], "['theirs']"]
    project = Path(server.environment["PREFECT_HOME"]).parent
    assert (project / ".prefect" / "prefect.db").is_file()
    assert sorted(path.name for path in project.parent.iterdir()) == [LETTERS]


@pytest.mark.slow
def test_the_link_opens_the_page_in_a_browser(server: PrefectServer, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium to open the page with")

    def page(link: str, profile: str) -> str:
        command = (browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom")
        options = (f"--user-data-dir={tmp_path / profile}", "--timeout=30000")
        return subprocess.run(
            (*command, *options, "--virtual-time-budget=20000", link),
            env={**os.environ, "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout

    assert "Dashboard" in page(server.link, "mine")
    stranger = page(server.link.partition("/enter")[0], "theirs")
    assert "Dashboard" not in stranger
    assert "password" in stranger.lower()


@pytest.mark.fault("a user's own Prefect settings and proxies do not reach the build's server")
def test_environment_has_no_setting_of_the_users_own(tmp_path: Path) -> None:
    theirs = {"PREFECT_PROFILE": "x", "prefect_api_url": "y", "no_proxy": "a.example", "HOME": "/h"}
    made = environment(theirs, tmp_path, 4200, "secret")
    assert "PREFECT_PROFILE" not in made
    assert "prefect_api_url" not in made
    assert made["no_proxy"] == made["NO_PROXY"] == "a.example,127.0.0.1"
    assert made["HOME"] == "/h"


@pytest.mark.parametrize(
    "proxy",
    ["socks5://a:1", "socks5h://a:1", "socks://a:1/", "socks4://a:1", "http://a:x", " http://a:1"]
    + ["ftp://a", "http://[::1", "http://", "http://é.example:1", "http://a:99999999"],
)
def test_proxies_that_prefects_client_cannot_read_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("ALL_PROXY", "https_proxy"):
        made = environment({name: proxy}, tmp_path, 4200, "secret")
        assert name not in made
    hosts = "[::1],::1/128, fe80::/10,[fe80::1]:80,é.example,a.example:443 .corp"
    made = environment({"HTTP_PROXY": proxy, "NO_PROXY": hosts}, tmp_path, 4200, "secret")
    assert made["NO_PROXY"] == "a.example:443,.corp,127.0.0.1"
    monkeypatch.setattr(os, "environ", made)
    httpx.Client().close()


@pytest.mark.parametrize(
    "proxy",
    ["http://a.example:3128", "https://me:p%40ss@10.0.0.1:8080/", "HTTP://a", "a:1", "http://a_b"]
    + ["http://[fe80::1]:3128"],
)
def test_other_proxies_are_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    made = environment({"HTTPS_PROXY": proxy, "no_proxy": "a,b"}, tmp_path, 4200, "secret")
    assert (made["HTTPS_PROXY"], made["no_proxy"]) == (proxy, "a,b,127.0.0.1")
    monkeypatch.setattr(os, "environ", made)
    httpx.Client().close()


def test_last_error_is_the_exceptions_own_words() -> None:
    log = "Traceback (most recent call last):\n  File x\nsqlite3.OperationalError: no space\nbye\n"
    assert last_error(log) == ": no space"
    assert last_error("listening\n") == ""
