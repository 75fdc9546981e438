"""The Prefect API of one build, as a process that ends with it."""

import os
import socket
import sys
from contextlib import chdir

from tasks.lifeline import hold

if __name__ == "__main__":
    hold(int(sys.argv[2]))
    import uvicorn

    from flows.server_guard import guarded

    # Where Prefect is imported it reads files with settings, which here would be the user's own.
    with chdir(os.environ["PREFECT_HOME"]):
        from prefect.server.api.server import create_app

    listening = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(
        guarded(create_app(), *listening.getsockname()),
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listening])
