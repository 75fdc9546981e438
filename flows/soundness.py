"""Check that every artifact is as recorded before it is built upon or called up to date."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from flows.dvc_locks import record_lock
from flows.figures import shown_files
from flows.graph import Stage, changed_stages, dependants
from headwater.upkeep.recorded import FOLDER
from headwater.upkeep.repair import Copy, damaged, mend, read_record
from headwater.upkeep.spot_checks import SpotCheck, spot_check

# Time that one call spends on spot checks; files it does not reach are checked by later calls.
SECONDS = 1.0
# A disk that loses what was just written is not fought for ever.
ROUNDS = 20
MOST_LINES = 20
OUTPUTS = "changed outs"

Say = Callable[[str], None]


def sound_changes(project: Path, say: Say) -> tuple[dict[str, Any], SpotCheck]:
    """Stages that DVC sees changed once damaged files are put right, and the files checked.

    A part of the data and of DVC's cache is checked at every call, and all of what is shown of the
    build or differs from its record. ``say`` is given a line for every damaged file.
    """
    # DVC itself fails on some that are damaged, and without them it is not known what there is.
    _put_right(project, damaged(read_record(project).listings()), say)
    for _ in range(ROUNDS):
        # Hashing leaves a core to DVC, which needs about as long.
        with ThreadPoolExecutor(1) as pool:
            checking = pool.submit(spot_check, project, shown_files(project), SECONDS)
            changed = changed_stages(project)
            checked = checking.result()
        if not _put_right(project, {*checked.damaged, *_differing(project, changed)}, say):
            break
    return changed, checked


def sound_inputs(
    project: Path, graph: Mapping[str, Stage], changed: dict[str, Any], say: Say
) -> dict[str, Any]:
    """Stages that DVC sees changed, once their inputs from other stages are sound.

    Tables are passed over: their pages have checksums, which reading compares. Listings of earlier
    builds are looked at, for DVC may go back to them.
    """
    older = [copy for copy in read_record(project).all_objects() if copy.md5.endswith(FOLDER)]
    _put_right(project, damaged(older), say)
    for _ in range(ROUNDS):
        running = set(changed).union(*(dependants(graph, name) for name in changed))
        needed = {need for name in running & graph.keys() for need in graph[name].needs}
        record = read_record(project)
        outputs = {output.path for output in record.outputs if output.stage in needed - running}
        plain = [c for c in record.data_copies(outputs) if c.path.suffix != ".parquet"]
        if not _put_right(project, damaged(plain), say):
            break
        changed = changed_stages(project)
    return changed


def dropped_outputs(project: Path, stage: str, say: Say) -> bool:
    """Drop what DVC took from damaged objects of its cache for a stage; whether there was any.

    DVC does not look at objects that it takes.
    """
    with record_lock(project):
        record = read_record(project)
    outputs = {output.path for output in record.outputs if output.stage == stage}
    bad = damaged(record.data_copies(outputs))
    if bad:
        bad += damaged(record.cached_copies(outputs))
    return _put_right(project, bad, say, refetch=False)


def _differing(project: Path, changed: Mapping[str, Any]) -> list[Copy]:
    """Damaged copies of outputs that differ from their record, where nothing else has changed."""
    outputs = set()
    for changes in changed.values():
        if all(isinstance(change, dict) and set(change) == {OUTPUTS} for change in changes):
            outputs |= {path for change in changes for path in change[OUTPUTS]}
    if not outputs:
        return []
    record = read_record(project)
    return damaged(record.data_copies(outputs) + record.cached_copies(outputs))


def _put_right(project: Path, bad: Collection[Copy], say: Say, refetch: bool = True) -> bool:
    """Restore or drop damaged copies and say so; whether there were any."""
    if not bad:
        return False
    # What is not in the cache may be of another build, which DVC fetches when it is told to.
    objects = read_record(project).objects.folder
    rotten = any(copy.path.is_relative_to(objects) for copy in bad)
    mended = mend(project, sorted(bad), refetch and rotten)
    for one in mended[:MOST_LINES]:
        say(one.message)
    if len(mended) > MOST_LINES:
        say(f"and {len(mended) - MOST_LINES} more damaged files")
    return True
