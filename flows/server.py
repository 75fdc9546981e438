"""A Prefect API server of the build's own: on a free port of this machine, with no telemetry."""

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

from headwater.errors import HeadwaterError
from tasks.console import VOICE

HOST = "127.0.0.1"
START_SECONDS = 600.0

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
    """Starts at once; ``wait`` until it answers, ``stop`` at the end."""

    def __init__(self, project: Path) -> None:
        self._log = project / ".headwater" / "logs" / "prefect-server.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with socket.create_server((HOST, 0)) as listening, self._log.open("ab") as log:
            self._port = listening.getsockname()[1]
            self.url = f"http://{HOST}:{self._port}"
            self.settings = _settings(project, self._port)
            self._process = subprocess.Popen(
                (
                    sys.executable,
                    "-m",
                    "flows.server_process",
                    str(listening.fileno()),
                    str(os.getpid()),
                ),
                env={**os.environ, **self.settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(listening.fileno(),),
                # A Ctrl-C is for the flow, which still has things to tell the server.
                start_new_session=True,
            )
        self._stopping = False
        Thread(target=self._watch, name="prefect server", daemon=True).start()

    def wait(self) -> None:
        """Return once the server answers; raises HeadwaterError when it does not."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._answers():
                return
            time.sleep(0.1)
        raise HeadwaterError(f"the Prefect server does not answer; see {self._log}")

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
            VOICE.complain(f"the Prefect server ended; run again (details in {self._log})")
            os._exit(2)

    def stop(self) -> None:
        """End the server; its database survives that."""
        self._stopping = True
        self._process.kill()
        self._process.wait()


def _settings(project: Path, port: int) -> dict[str, str]:
    home = project / ".prefect"
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_UI_STATIC_DIRECTORY": str(home / "ui"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **{f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in _UNUSED_SERVICES},
    }
