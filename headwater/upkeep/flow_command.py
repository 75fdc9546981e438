"""Commands of the flows as processes of their own: the domain imports no flow."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from headwater.config import load_params
from headwater.errors import HeadwaterError


def run_flow(name: str, project: Path) -> int:
    """Run the module ``flows.<name>`` in the project's folder; returns its exit status.

    The process ends with this one. Raises HeadwaterError where there is no project, and where a
    signal ended it.
    """
    load_params(project / "params.yaml")
    process = subprocess.Popen(
        (sys.executable, "-m", "flows.tied", str(os.getpid()), f"flows.{name}"), cwd=project
    )
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            # A Ctrl-C is for both; it ends its own work first.
            continue
        if status < 0:
            raise HeadwaterError(
                f"{name}: its process was ended ({signal.Signals(-status).name}), as the kernel "
                "does when memory runs out; nothing is lost, run it again"
            )
        return status
