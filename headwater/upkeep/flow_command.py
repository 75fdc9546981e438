"""Commands of the flows as processes of their own: the domain imports no flow."""

import os
import subprocess
import sys
from pathlib import Path

from headwater.config import load_params


def run_flow(name: str, project: Path) -> int:
    """Run ``python -m flows.<name>`` in the project's folder; returns its exit status.

    The process is given this one's number, with which it ends. Raises HeadwaterError where there is
    no project.
    """
    load_params(project / "params.yaml")
    process = subprocess.Popen(
        (sys.executable, "-m", f"flows.{name}", str(os.getpid())), cwd=project
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # A Ctrl-C is for both; it ends its own work first.
            continue
