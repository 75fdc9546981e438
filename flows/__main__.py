"""``python -m flows``: rebuild what is out of date, with a Prefect server of the build's own.

Takes the pid of the make that starts it, if one does: without it, a make that is killed while
Python starts would leave a build behind. After it the systems to build may be named, separated by
commas, or "all"; they are written into ``params.yaml``.

Exit status 0 only when all stages hold; 2 for a problem that the user can mend, 130 when
interrupted, 143 when terminated. Prefect, slow to import, is needed only when there is something
to do.
"""

import atexit
import os
import signal
import sys
import time
import traceback
from contextlib import chdir
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from flows.figures import main_figures
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.upkeep.build_lock import build_lock
from headwater.upkeep.places import check_name, check_writable, name_user, refusal
from headwater.upkeep.spot_checks import SpotCheck
from tasks import lifeline
from tasks.command import quieten
from tasks.console import VOICE
from tasks.workers import cores

DISK_BYTES = 1 << 20
STOPPED = "the build was stopped; what is finished is kept, and `make repro` goes on from there"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which stops a build as Ctrl-C does."""


def main() -> NoReturn:
    """Build in the current folder and exit."""
    make = int(sys.argv[1]) if len(sys.argv) > 1 else None
    systems = sys.argv[2] if len(sys.argv) > 2 else None
    lifeline.hold(make)
    if make is not None:
        lifeline.stop_with(make)
    name_user()
    project = Path.cwd()
    try:
        quieten("rebuild", project / ".headwater" / "logs" / "rebuild.log")
    except HeadwaterError as error:
        VOICE.complain(str(error))
        sys.exit(2)
    # Prefect has a handler of its own while the flow runs, and calls this one after it.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(build(project, systems))
    except KeyboardInterrupt as stop:
        VOICE.complain(STOPPED)
        sys.exit(128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT))


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def build(project: Path, systems: str | None = None) -> int:
    """Rebuild what is out of date and say so; returns the exit status.

    systems: those to build from now on, where they are not the ones in ``params.yaml``.
    """
    started = time.monotonic()
    try:
        if systems is not None:
            _choose(project, systems)
        params = _checked_params(project)
        changed, checked = _changes_built(project, params)
        figures = main_figures(project)
    except HeadwaterError as error:
        VOICE.complain(str(error))
        return error.exit_status
    except OSError as error:
        traceback.print_exc()
        VOICE.complain(refusal(error, project))
        return 2
    from flows.bucket_advice import bucket_advice
    from headwater.upkeep.prune import advice

    what = "built" if changed else f"everything is up to date, {_checked(checked)}"
    VOICE.say(f"{what} in {_duration(time.monotonic() - started)}")
    for line in figures:
        VOICE.say(line)
    for hint in (bucket_advice(project, params), advice(project)):
        if hint is not None:
            VOICE.say(hint)
    return 0


def _choose(project: Path, systems: str) -> None:
    from flows.systems import choose_systems

    with build_lock(project):
        if choose_systems(project, systems):
            VOICE.say(f"params.yaml: build is {systems} now, and stays so")


def _checked_params(project: Path) -> Params:
    """The parameters; refuses those, and machines, that no build can work with."""
    from headwater.faces.system_libraries import check_system_libraries
    from headwater.systems.settings import check_systems

    params = load_params(project / "params.yaml")
    check_systems(params, project)
    check_name(project)
    for folder in (".headwater", ".dvc/tmp"):
        check_writable(project / folder)
    check_system_libraries()
    return params


def _changes_built(project: Path, params: Params) -> tuple[dict[str, Any], SpotCheck]:
    """Stages that were changed or had items to try again, and hold now; what was checked before."""
    from flows.dvc_locks import mend_rwlock
    from flows.left import items_left
    from flows.outside import read_otherwise, refuse_missing
    from flows.packages import of_other_packages
    from flows.soundness import sound_changes
    from flows.systems import drop_unbuilt

    with build_lock(project):
        mend_rwlock(project)
        drop_unbuilt(project, params)
        again = {*items_left(project), *read_otherwise(project, params)}
        again |= of_other_packages(project, params)
        changed, checked = sound_changes(project, VOICE.say)
        changed = {**dict.fromkeys(again), **changed}
        try:
            if changed:
                refuse_missing(project, params, changed)
                _say_of_cache(project, params)
                _rebuild(project, changed)
        except Exception:
            # Prefect does not say that a full disk made its server fail.
            check_writable(project, DISK_BYTES)
            raise
    return changed, checked


def _say_of_cache(project: Path, params: Params) -> None:
    from headwater.pipeline.cache_place import check_cache

    if notice := check_cache(params, project):
        VOICE.say(notice)


def _rebuild(project: Path, changed: dict[str, Any]) -> None:
    from flows.server import PrefectServer

    for folder in (".", ".dvc", "data"):
        check_writable(project / folder)
    server = PrefectServer(project)
    # Prefect's own threads say their last words to the server before this is called.
    atexit.register(server.stop)
    os.environ.clear()
    os.environ.update(server.environment)
    stages = "1 stage" if len(changed) == 1 else f"{len(changed)} stages"
    VOICE.say(f"headwater: {stages} changed; {cores()} cores; watch {server.link}")
    # Where Prefect is imported it reads files with settings, which here would be the user's own.
    with chdir(server.environment["PREFECT_HOME"]):
        from flows.rebuild import rebuild
    server.wait()
    server.end_build_with_it()
    rebuild(review=False, push=False)


def _checked(checked: SpotCheck) -> str:
    files = f"{checked.files} of {checked.total}" if checked.files < checked.total else "all"
    return f"{files} files checked"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
