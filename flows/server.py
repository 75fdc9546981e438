"""A Prefect API server of the build's own: on a free port of this machine, with no telemetry.

Nobody else gets in: it asks for a password that is new in every build and that only the two
processes' environments hold, and its guard (``flows.server_guard``) refuses other pages' requests.
"""

import http.client
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

from headwater.errors import HeadwaterError
from headwater.upkeep.places import check_writable, refusal
from tasks.console import VOICE

HOST = "127.0.0.1"
# Prefect's password is of the form user:password; the link of a build leads to the entrance.
USER = "headwater"
ENTRANCE = "/enter"
START_SECONDS = 600.0
# The database's migrations sort in a temporary file.
TEMPORARY_BYTES = 1 << 20

# What httpx can read: no SOCKS, which takes a package more, and no network of IPv6.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_PROXY = re.compile(
    r"(?:https?://)?(?:[!-.0-~]+@)?(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?/?",
    re.ASCII | re.IGNORECASE,
)
_DIRECT = re.compile(r"[!-9;-~]+(?::\d{1,5})?", re.ASCII)

# A build needs no schedules, no clean-up of other runs and no automations.
_UNUSED_SERVICES = (
    "SCHEDULER",
    "LATE_RUNS",
    "CANCELLATION_CLEANUP",
    "PAUSE_EXPIRATIONS",
    "FOREMAN",
    "TRIGGERS",
    "DB_VACUUM",
    "REPOSSESSOR",
    "CLEANUP_RECONCILER",
)


class PrefectServer:
    """Starts at once; ``wait`` until it answers, ``stop`` at the end.

    environment: of this process and its children, so that Prefect's client finds the server.
    link: opens the server's page in a browser. Raises HeadwaterError when there is no place to
    write, or no network interface that is up.
    """

    def __init__(self, project: Path) -> None:
        home = project / ".prefect"
        check_writable(home)
        # Its database tells what was built of whom, and may be an older one's.
        home.chmod(0o700)
        for folder in {os.environ.get("TMPDIR") or tempfile.gettempdir(), tempfile.gettempdir()}:
            check_writable(Path(folder), TEMPORARY_BYTES)
        self._log = project / ".headwater" / "logs" / "prefect-server.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with _listen() as listening, self._log.open("ab") as log:
            self._begin = log.tell()
            self._port = listening.getsockname()[1]
            password = secrets.token_urlsafe(32)
            self.link = f"http://{HOST}:{self._port}{ENTRANCE}#{password}"
            self.environment = environment(os.environ, project, self._port, password)
            self._process = subprocess.Popen(
                (
                    sys.executable,
                    "-m",
                    "flows.server_process",
                    str(listening.fileno()),
                    str(os.getpid()),
                ),
                cwd=project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(listening.fileno(),),
                # A Ctrl-C is for the flow, which still has things to tell the server.
                start_new_session=True,
            )
        self._stopping = False

    def wait(self) -> None:
        """Return once the server answers; raises HeadwaterError when it ends or does not."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._answers():
                return
            if self._process.poll() is not None:
                raise HeadwaterError(self._end())
            time.sleep(0.1)
        raise HeadwaterError(f"the Prefect server does not answer; see {self._log}")

    def end_build_with_it(self) -> None:
        """From now on this process ends, status 2, when the server does."""
        Thread(target=self._watch, name="prefect server", daemon=True).start()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=5)
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (http.client.HTTPException, OSError):
            return False
        finally:
            connection.close()

    def _watch(self) -> None:
        self._process.wait()
        if not self._stopping:
            # Prefect would try to reach it for minutes; all else ends with this process.
            VOICE.complain(self._end())
            os._exit(2)

    def _end(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._begin)
            reason = last_error(log.read().decode(errors="replace"))
        return f"the Prefect server ended{reason}; run again (details in {self._log})"

    def stop(self) -> None:
        """End the server; its database survives that."""
        self._stopping = True
        self._process.kill()
        self._process.wait()


def last_error(log: str) -> str:
    """The last exception's own words in a server's log, after a colon; "" when there is none."""
    errors = re.findall(r"^\S*(?:Error|Exception)\b:? *(.*)$", log, re.MULTILINE)
    return f": {errors[-1]}" if errors else ""


def environment(base: Mapping[str, str], project: Path, port: int, password: str) -> dict[str, str]:
    """``base`` with Prefect's settings of this build in place of the user's own.

    The loopback is no matter of a proxy; but Prefect's HTTP client reads what is said of proxies
    all the same, and ends with what it cannot read. That is left out.
    """
    kept = {
        name: value
        for name, value in base.items()
        if not name.upper().startswith("PREFECT_")
        and (name.upper() not in _PROXIES or _PROXY.fullmatch(value))
    }
    hosts = re.split(r"[\s,]+", base.get("no_proxy") or base.get("NO_PROXY") or "")
    direct = ",".join([host for host in hosts if _DIRECT.fullmatch(host)] + [HOST])
    return {**kept, **_settings(project, port, password), "no_proxy": direct, "NO_PROXY": direct}


def _settings(project: Path, port: int, password: str) -> dict[str, str]:
    home, address = project / ".prefect", f"http://{HOST}:{port}"
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": f"{address}/api",
        "PREFECT_API_AUTH_STRING": f"{USER}:{password}",
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_API_AUTH_STRING": f"{USER}:{password}",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": address,
        # Relative, for signs in the project's path would mean something in a URL.
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///.prefect/prefect.db",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **{f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in _UNUSED_SERVICES},
    }


def _listen() -> socket.socket:
    """A socket that listens on a free port, and can be reached."""
    try:
        listening = socket.create_server((HOST, 0))
        # The kernel completes a connection that nobody has accepted yet.
        socket.create_connection(listening.getsockname(), timeout=5).close()
    except OSError as error:
        raise HeadwaterError(
            f"{HOST} cannot be reached ({refusal(error)}), so that no Prefect server can run: "
            "bring the loopback interface up (ip link set lo up), or build with `dvc repro`, which "
            "needs no server"
        ) from error
    return listening
