"""``python -m flows.retry``: items that were rejected for the moment only, tried again alone.

Their stages alone are run and recorded, without Prefect; what follows from new rows is a build's.
A stage that is out of date in itself is left to a build, which tries its items again as well.
"""

import sys
import traceback
from pathlib import Path
from typing import NoReturn

from flows.dvc_locks import mend_rwlock
from flows.graph import Stage, read_graph, written
from flows.left import items_left, sentence
from flows.recording import Recorder
from flows.soundness import sound_changes
from flows.status import outlook
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.pipeline.run import forget_aside
from headwater.systems.settings import check_systems
from headwater.upkeep.build_lock import build_lock
from headwater.upkeep.places import name_user, refusal
from tasks import lifeline
from tasks.command import quieten
from tasks.console import VOICE, progress
from tasks.workers import Workers


def main() -> NoReturn:
    """Try items of the current folder's build again, and exit."""
    lifeline.hold()
    name_user()
    project = Path.cwd()
    try:
        quieten("retry", project / ".headwater" / "logs" / "retry.log")
        retry(project)
    except HeadwaterError as error:
        VOICE.complain(str(error))
        sys.exit(error.exit_status)
    except OSError as error:
        traceback.print_exc()
        VOICE.complain(refusal(error, project))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def retry(project: Path) -> None:
    """Try items that were left again and say what became of them.

    Raises HeadwaterError when a stage fails.
    """
    params = load_params(project / "params.yaml")
    check_systems(params, project)
    with build_lock(project):
        mend_rwlock(project)
        left = items_left(project)
        if not left:
            VOICE.say("no items are left to try again")
            return
        changed, _ = sound_changes(project, VOICE.say)
        # DVC does not see edited code, which its step refuses once the outputs are removed.
        fates, moved = outlook(project, params, changed, {}), False
        for name, stage in read_graph(project).items():
            if name in left and (name in changed or fates[name].reasons):
                VOICE.say(f"{name}: is out of date; `make repro` tries its items again, too")
            elif name in left:
                moved |= _tried(project, params, stage)
        for name, reasons in items_left(project).items():
            VOICE.say(sentence(name, reasons))
        if moved:
            VOICE.say("`headwater status` says what follows from that, `make repro` builds it")


def _tried(project: Path, params: Params, stage: Stage) -> bool:
    """Compute what a stage lacks and record it; whether its outputs are others than before."""
    before = written(project, stage)
    forget_aside(project, stage.name)
    with Recorder(project) as recorder:
        if stage.bucketed:
            with Workers(params, project, runner=params.runner) as workers:
                missing = workers.missing(stage.name)
                with progress(stage.name, len(missing)) as advance:
                    for _ in workers.compute_all(missing):
                        advance()
        recorder.record(stage.name, lambda event: _say(stage.name, event), again=True)
    return written(project, stage) != before


def _say(name: str, event: dict[str, object]) -> None:
    if "finished" in event:
        VOICE.say(f"{name}: {event['finished']}")


if __name__ == "__main__":
    main()
