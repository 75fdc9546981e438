"""The Prefect API of one build, as a process that ends with it."""

import socket
import sys

from tasks.lifeline import hold

if __name__ == "__main__":
    hold(int(sys.argv[2]))
    import uvicorn
    from prefect.server.api.server import create_app

    from flows.server_guard import guarded

    listening = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(
        guarded(create_app(), *listening.getsockname()),
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listening])
