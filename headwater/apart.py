"""Work on bytes of strangers in a process of its own, within bounds of memory and time.

The bounds are the kernel's: whatever a decoder does, its process ends at them and the caller goes
on.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from headwater.threads import ONE_THREAD

MEMORY_BYTES: Final = 2**30
CPU_SECONDS: Final = 20
# Only a machine that is far too busy comes near it.
WALL_SECONDS: Final = 300

_ROOT: Final = Path(__file__).parents[1]
_PR_SET_PDEATHSIG: Final = 1


class OutOfTimeError(Exception):
    """The process used ``CPU_SECONDS`` of processor time."""


class EndedError(Exception):
    """The process was ended from outside, or had no processor for ``WALL_SECONDS``."""


class CrashedError(Exception):
    """The process crashed on its input."""


def run_apart(module: str, arguments: tuple[str, ...], data: bytes) -> bytes:
    """Output of ``python -m module arguments`` for ``data`` on its standard input.

    The module calls ``take_bounds`` first. Raises OutOfTimeError, EndedError and CrashedError.
    """
    # The very code that runs here, and none that lies in the current folder.
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    threads = {**ONE_THREAD, "MALLOC_ARENA_MAX": "1"}
    try:
        done = subprocess.run(
            (sys.executable, "-P", "-m", module, *arguments),
            input=data,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": path, **threads},
        )
    except subprocess.TimeoutExpired as error:
        raise EndedError from error
    if done.returncode == -signal.SIGXCPU:
        raise OutOfTimeError
    if done.returncode == -signal.SIGKILL:
        raise EndedError
    if done.returncode:
        raise CrashedError(done.stderr.decode(errors="replace")[-2000:])
    return done.stdout


def take_bounds(
    data_bytes: int, memory_bytes: int = MEMORY_BYTES, cpu_seconds: int = CPU_SECONDS
) -> None:
    """Bound this process: what is beyond ends it, or is a MemoryError.

    data_bytes: size of the input, which does not count. The process ends with its parent.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + data_bytes + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
