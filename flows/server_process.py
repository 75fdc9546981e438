"""The Prefect API of one build, as a process that ends with it."""

import socket
import sys

from tasks.lifeline import hold

if __name__ == "__main__":
    hold(int(sys.argv[2]))
    import uvicorn

    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
