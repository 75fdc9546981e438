"""``python -m flows.status``: what a build would run in the current folder, and why.

Runs nothing and changes nothing but DVC's own locks. Exit status 0 for a forecast, whatever it
says; 2 for a problem that the user can mend.
"""

import os
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

from flows.bucket_advice import bucket_advice
from flows.dvc_locks import mend_rwlock
from flows.forecast import Buckets, Fate, Known, changed_outputs, forecast, own_reasons
from flows.forecast_lines import last_line, leaving, lines
from flows.foretold import foretold, former, recorded_files
from flows.graph import Recorded, Stage, changed_stages, read_graph, read_recorded
from flows.left import items_left
from flows.outside import read_otherwise, refuse_missing
from flows.packages import of_other_packages
from flows.reasons import of_settings
from headwater.artifacts.tables import DamagedTable, bucket_file, bucket_key
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError, StepFault
from headwater.pipeline.cache_place import cache_for
from headwater.systems.settings import check_systems
from headwater.upkeep.build_lock import refuse_other_build
from headwater.upkeep.repair import Record, damaged, read_record
from tasks import lifeline
from tasks.console import DEBUG, VOICE
from tasks.workers import Workers, WorkersEnd, load_step

GRAPH = "dvc.yaml"


def main() -> NoReturn:
    """Say what a build of the current folder would run, and exit."""
    lifeline.hold()
    if DEBUG not in os.environ:
        VOICE.alone(Path(os.devnull))
    try:
        for text in status(Path.cwd()):
            VOICE.say(text)
    except HeadwaterError as error:
        VOICE.complain(str(error))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        VOICE.complain(f"unexpected {type(error).__name__}: {error} (details with {DEBUG}=1)")
        raise
    sys.exit(0)


def status(project: Path) -> list[str]:
    """Lines on what a build would run. Raises HeadwaterError for what it would refuse."""
    params = load_params(project / "params.yaml")
    check_systems(params, project)
    refuse_other_build(project, ())
    if not (project / GRAPH).is_file():
        raise HeadwaterError(f"{project / GRAPH}: not found; run from the project's folder")
    record = read_record(project)
    mend_rwlock(project)
    graph = read_graph(project)
    if not record.outputs:
        return [f"nothing is built yet: `make repro` would run all {len(graph)} stages"]
    changes, left = changed_stages(project), items_left(project)
    whole = _whole(record, changes)
    fates = outlook(project, params, changes, left)
    refuse_missing(project, params, [name for name, fate in fates.items() if fate.reasons])
    restored = [
        f"{output.stage}: {output.path} is restored from DVC's cache"
        for output in record.outputs
        if output.path in whole and fates[output.stage].holds
    ]
    beside = [*restored, *leaving(graph, [one.stage for one in record.outputs])]
    hint = filter(None, [bucket_advice(project, params)])
    return [*lines(graph, fates), *beside, *hint, last_line(fates, len(beside))]


def outlook(
    project: Path, params: Params, changes: Mapping[str, Any], left: Mapping[str, Counter[str]]
) -> dict[str, Fate]:
    """Fates of all stages, where something is built.

    changes: those that DVC sees. left: items to try again, by stage and reason. Raises
    HeadwaterError for code that is no Python, fails, or ends its process.
    """
    graph, records, record = read_graph(project), read_recorded(project), read_record(project)
    whole = _whole(record, changes)
    own = _own(project, params, graph, changes, records, record, whole, left)
    # A step's code runs in a process of its own, which it may end.
    with Workers(params, project, count=1) as workers:
        return forecast(graph, own, records, _known(project, params, graph, record, workers))


def _own(
    project: Path,
    params: Params,
    graph: Mapping[str, Stage],
    changes: Mapping[str, Any],
    records: Mapping[str, Recorded],
    record: Record,
    whole: Collection[str],
    left: Mapping[str, Counter[str]],
) -> dict[str, list[str]]:
    """Reasons of stages in themselves: what DVC sees, and what it does not."""
    built = {output.stage for output in record.outputs}
    outside, packages = read_otherwise(project, params), of_other_packages(project, params)
    own = {}
    for name in graph:
        if name not in built:
            own[name] = ["not built yet"]
            continue
        own[name] = of_settings(records[name].before, records[name].now)
        own[name] += own_reasons(graph, name, changes, whole)
        own[name] += [_again(left[name])] if name in left else []
        own[name] += ["other files of the user's own"] if name in outside else []
        own[name] += ["other packages"] if name in packages else []
    return own


def _again(reasons: Counter[str]) -> str:
    kinds = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    return f"{reasons.total()} items to try again ({kinds})".replace("1 items", "1 item", 1)


def _whole(record: Record, changes: Mapping[str, Any]) -> set[str]:
    """Outputs that differ from the record and that DVC's cache has whole and sound."""
    outs = {out for stage in changes.values() for out in changed_outputs(stage)}
    whole = set()
    for out in outs:
        copies = record.cached_copies({out})
        if copies and all(one.path.exists() for one in copies) and not damaged(copies):
            whole.add(out)
    return whole


def _known(
    project: Path, params: Params, graph: Mapping[str, Stage], record: Record, workers: Workers
) -> Known:
    return Known(
        former=lambda md5, path: former(project, md5, path),
        foretell=lambda name: foretold(name, params, project),
        recorded=lambda name: recorded_files(name, record),
        plan=lambda name: _planned(project, params, graph[name], workers),
        buckets=lambda name: Buckets(_present(project, graph[name])),
    )


def _present(project: Path, stage: Stage) -> frozenset[int]:
    """Numbers of the buckets of a stage's tables."""
    paths = [path for out in stage.outs for path in (project / out).glob("*/bucket-*.parquet")]
    return frozenset(int(path.stem.removeprefix("bucket-")) for path in paths)


def _planned(project: Path, params: Params, stage: Stage, workers: Workers) -> Buckets | None:
    """Buckets of a stage on the inputs that are there; None where these cannot be read.

    Those change that have another key than in the tables, or that the cache lacks.
    """
    name = stage.module.partition(".")[2]
    try:
        buckets = workers.planned(name)
    except (WorkersEnd, StepFault):
        raise
    except HeadwaterError:
        return None
    step = load_step(name)
    cache, names = cache_for(params, project), [schema.name for schema in step.tables]
    cached = {one.bucket for one in buckets if cache.has(one.key, names)}
    folder = project / "data" / step.outputs[0].name
    kept = {one.bucket for one in buckets if _key(folder / bucket_file(one.bucket)) == one.key}
    every = _present(project, stage).union(one.bucket for one in buckets)
    return Buckets(every, every - (kept & cached), frozenset(cached - kept))


def _key(path: Path) -> str:
    try:
        return bucket_key(path) if path.is_file() else ""
    except DamagedTable:
        return ""


if __name__ == "__main__":
    main()
