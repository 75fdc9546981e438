"""The end of a build whose Prefect server went away: one line, not a traceback of every task."""

import os
import socket
import time
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from tasks.console import VOICE

# A server that is started again is waited for; Prefect's client gives up after a minute.
PATIENCE_SECONDS: Final = 45.0
PAUSE_SECONDS: Final = 1.0
CONNECT_SECONDS: Final = 5.0

Address = tuple[str, int]


def end_without_server(url: str, patience: float = PATIENCE_SECONDS) -> None:
    """From now on this process ends, status 2, when nobody listens at ``url`` for so many seconds.

    All that it started ends with it. Does nothing where nobody listens now, as where only a proxy
    reaches the server.
    """
    address = address_of(url)
    if address is not None and _listens(address):
        watch = (url, address, patience)
        Thread(target=_watch, args=watch, name="prefect server", daemon=True).start()


def address_of(url: str) -> Address | None:
    """Host and port of a URL; None for one without."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _watch(url: str, address: Address, patience: float) -> None:
    seen = time.monotonic()
    while time.monotonic() - seen < patience:
        time.sleep(min(PAUSE_SECONDS, patience / 4))
        # A server that is too busy to answer still listens.
        if _listens(address):
            seen = time.monotonic()
    VOICE.complain(
        f"the Prefect server at {url} is gone for {patience:g} s; what is finished is kept: start "
        "it, and the next run goes on from there"
    )
    os._exit(2)


def _listens(address: Address) -> bool:
    try:
        socket.create_connection(address, CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
