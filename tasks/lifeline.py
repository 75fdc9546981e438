"""No process outlives the build that it belongs to, even when that is ended by ``kill -9``.

A build is a chain of processes: make, the flow, DVC, a shell, a step, a worker. Two ties hold it
together: the kernel kills a process when its parent in the chain dies, and a thread watches all
of the chain, since the kernel tells nobody of a grandparent's death. Processes above the chain (a
login shell, nohup, a service manager) may end without ending the build.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import NoReturn

import psutil

WATCH_SECONDS = 0.5
EXIT_STATUS = 137
_PR_SET_PDEATHSIG = 1
_STOPS = 1 << (signal.SIGINT - 1) | 1 << (signal.SIGHUP - 1)
_COMMANDS = {"make", "gmake", "dvc"}
_MODULES = {"dvc", "flows", "tasks"}


def hold(parent: int | None = None) -> list[int]:
    """Tie this process to its build; ends it at once if the build is gone already.

    parent: the process that must be this one's parent, where the caller knows it. Returns the pids
    of all processes above this one.
    """
    ancestors = psutil.Process().parents()
    chain = build_chain(ancestors, parent)
    orphaned = parent is not None and os.getppid() != parent
    # DVC names the stage to its command: without DVC above, it died while Python started.
    orphaned |= "DVC_STAGE" in os.environ and not any(_is_dvc(process) for process in chain)
    if orphaned:
        os._exit(EXIT_STATUS)
    if chain:
        _die_with_parent(chain[0].pid)
        threading.Thread(target=_watch, args=(chain,), name="lifeline", daemon=True).start()
    return [process.pid for process in ancestors]


def stop_with(make: int) -> None:
    """Interrupt this process, as Ctrl-C does, when make alone is told to stop.

    On SIGINT and SIGHUP make waits for its command, which it takes to have had the signal as well;
    all that can be seen of it is that make does not catch the signal any more.
    """
    caught = _caught(make)

    def watch() -> None:
        while not caught & ~_caught(make):
            time.sleep(WATCH_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, name="make", daemon=True).start()


def _caught(process: int) -> int:
    """Signals to stop that a process has a handler for, as bits; all when it is gone."""
    try:
        status = Path("/proc", str(process), "status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return _STOPS
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields.get("SigCgt", "0"), 16) & _STOPS


def end(status: int) -> NoReturn:
    """Exit, at once where code that was at work here left threads or processes behind.

    Python would wait for these for as long as they go on.
    """
    # Multiprocessing's own ends with this process.
    tracker = getattr(resource_tracker._resource_tracker, "_pid", None)
    children = [one for one in psutil.Process().children(recursive=True) if one.pid != tracker]
    for child in children:
        with suppress(psutil.Error):
            child.kill()
    psutil.wait_procs(children, timeout=WATCH_SECONDS)
    own = (threading.main_thread(), threading.current_thread())
    if children or any(not one.daemon for one in threading.enumerate() if one not in own):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def build_chain(
    ancestors: Sequence[psutil.Process], parent: int | None = None
) -> list[psutil.Process]:
    """The ancestors, nearest first, up to the farthest one that belongs to the build.

    parent: pid of an ancestor that belongs to it whatever its command is.
    """
    last = 0
    for number, process in enumerate(ancestors, start=1):
        if process.pid == parent or belongs(command_line(process)):
            last = number
    return list(ancestors[:last])


def command_line(process: psutil.Process) -> list[str]:
    """Arguments of a process, none when it is gone or not ours to see."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def belongs(arguments: Sequence[str]) -> bool:
    """True for the command line of a part of a build: make, DVC, a flow or a step."""
    return _runs(arguments, _COMMANDS, _MODULES)


def _is_dvc(process: psutil.Process) -> bool:
    return _runs(command_line(process), {"dvc"}, {"dvc", "flows.dvc_process"})


def _runs(arguments: Sequence[str], commands: set[str], modules: set[str]) -> bool:
    # A script's interpreter stands before it.
    if any(Path(argument).name in commands for argument in arguments[:2]):
        return True
    if "-m" not in arguments[:-1]:
        return False
    module = arguments[list(arguments).index("-m") + 1]
    return module in modules or module.split(".")[0] in modules


def _die_with_parent(parent: int) -> None:
    # The kernel acts when the thread that started this process ends, so whoever starts a process
    # that calls this does so from a thread that lives on.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(EXIT_STATUS)


def _watch(chain: Sequence[psutil.Process]) -> None:
    while all(_alive(process) for process in chain):
        time.sleep(WATCH_SECONDS)
    os._exit(EXIT_STATUS)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
