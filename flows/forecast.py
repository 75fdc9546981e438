"""The stages that a build would run, and why, as far as that is known before any of them runs.

A stage runs for certain when its own settings, code, packages or files differ from the record. One
that reads from such a stage follows it only if that gives other outputs than before. What stages of
hashes write is computed ahead, so that a stage behind one is certain too, or not touched at all.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from flows.graph import Recorded, Stage
from flows.hash_files import CONTENTS, Files, Former, HashFiles, is_in, read_from

# Stages that write hashes of what others depend on, in seconds.
HASHES: Final = frozenset({"code", "plugin", "reads", CONTENTS, "questions", "inputs"})
# Stages that make rows of one source alone.
_SOURCES: Final = {"photos": frozenset({"photo"}), "synthesize": frozenset({"synthetic"})}
_ANY: Final = frozenset({"photo", "synthetic"})
_STATES: Final = {"modified": "changed", "deleted": "is gone", "new": "is new"}


@dataclass(frozen=True)
class Buckets:
    """Numbers of a stage's buckets: all, those that change, and those of them in the cache."""

    all: frozenset[int]
    changed: frozenset[int] = frozenset()
    cached: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Fate:
    """The outlook of a stage, which holds where there are neither reasons nor doubts.

    reasons: in words, for what runs for certain. doubts: stages that it follows if they give other
    outputs. sources: of the rows that may change. planned: buckets on the inputs that are there,
    where it runs for certain; most: those that can at most change. Either is None where that is
    not known.
    """

    reasons: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()
    planned: Buckets | None = None
    most: Buckets | None = None

    @property
    def holds(self) -> bool:
        """True for a stage that does not run, whatever others do."""
        return not self.reasons and not self.doubts

    @property
    def moves(self) -> bool:
        """True for a stage that may give other outputs than before."""
        return not self.holds and (self.most is None or bool(self.most.changed))


@dataclass(frozen=True)
class Known:
    """Facts that are there before anything runs.

    foretell, recorded: files of a stage of hashes by path, as it would write them and as they are
    on record; none where that is not known. plan: buckets of a stage on the inputs that are there.
    buckets: those of the tables that are there.
    """

    former: Former
    foretell: Callable[[str], Files]
    recorded: Callable[[str], Files]
    plan: Callable[[str], Buckets | None]
    buckets: Callable[[str], Buckets]


def forecast(
    graph: Mapping[str, Stage],
    own: Mapping[str, Collection[str]],
    records: Mapping[str, Recorded],
    known: Known,
) -> dict[str, Fate]:
    """Fates of all stages, in the order of ``graph``.

    own: reasons of stages in themselves, whatever others do.
    """
    fates: dict[str, Fate] = {}
    hashes: dict[str, HashFiles] = {}
    for name, stage in graph.items():
        reasons, doubts = list(own.get(name, ())), list[str]()
        for dep in stage.deps:
            for need in makers(graph, stage, dep):
                if need in hashes:
                    reasons += hashes[need].reasons(dep, records[name].md5s.get(dep), known.former)
                    doubts += hashes[need].doubts_of(dep)
                elif fates[need].moves:
                    doubts.append(need)
        fates[name] = _fate(stage, list(dict.fromkeys(reasons)), doubts, graph, fates, known)
        if is_hash(name):
            hashes[name] = _hash_files(name, fates, known)
    return fates


def is_hash(name: str) -> bool:
    """True for a stage of hashes."""
    return name.partition("@")[0] in HASHES


def makers(graph: Mapping[str, Stage], stage: Stage, dep: str) -> list[str]:
    """Stages that make a file or a folder that ``stage`` reads, or something in it."""
    return [
        need
        for need in sorted(stage.needs)
        if any(is_in(out, dep) or is_in(dep, out) for out in graph[need].outs)
    ]


def changed_outputs(changes: Collection[Any]) -> list[str]:
    """Outputs that differ from the record, of a stage's changes as ``changed_stages`` has them."""
    kinds = [one.get("changed outs", {}) for one in changes if isinstance(one, dict)]
    return [out for outs in kinds for out in outs]


def own_reasons(
    graph: Mapping[str, Stage],
    name: str,
    changes: Mapping[str, Collection[Any]],
    whole: Collection[str],
) -> list[str]:
    """Words for what DVC sees changed of a stage, apart from its parameters.

    changes: those of all stages. whole: outputs that DVC's cache has whole, which it restores.
    """
    seen, reasons = changes.get(name, ()), list[str]()
    for dep, state in _dependencies(seen).items():
        needs = makers(graph, graph[name], dep)
        if not needs:
            reasons.append(f"{dep} {_STATES.get(state, state)}")
        elif any(changed_outputs(changes.get(one, ())) for one in needs):
            continue  # Lost outputs are restored, or made again.
        elif not (is_hash(needs[0]) and PurePosixPath(dep).suffix):
            reasons += [f"other outputs of {one}" for one in needs]
    lost = [out for out in changed_outputs(seen) if out not in whole]
    reasons += [f"{out} is not as recorded, nor whole in DVC's cache" for out in lost]
    return reasons + ["another command" for one in seen if one == "changed command"]


def _dependencies(seen: Collection[Any]) -> dict[str, str]:
    """States of files and folders that a stage reads and that changed."""
    kinds = [one.get("changed deps", {}) for one in seen if isinstance(one, dict)]
    return {dep: state for deps in kinds for dep, state in deps.items() if isinstance(state, str)}


def _fate(
    stage: Stage,
    reasons: list[str],
    doubts: list[str],
    graph: Mapping[str, Stage],
    fates: Mapping[str, Fate],
    known: Known,
) -> Fate:
    followed = tuple(dict.fromkeys(doubts))
    sources = _SOURCES.get(stage.name, _ANY)
    if not reasons and stage.name not in _SOURCES:
        sources = frozenset().union(*(fates[one].sources for one in followed))
    if not stage.bucketed or not (reasons or followed):
        return Fate(tuple(reasons), followed, sources)
    planned = known.plan(stage.name) if reasons else known.buckets(stage.name)
    most = _most(planned, [fates[one] for one in followed if graph[one].bucketed])
    if most and not all(graph[one].bucketed for one in followed):
        most = Buckets(most.all, most.all)
    return Fate(tuple(reasons), followed, sources, planned if reasons else None, most)


def _most(planned: Buckets | None, followed: Collection[Fate]) -> Buckets | None:
    """Buckets that can at most change: bucket i of a step reads bucket i of its input tables."""
    reached = [one.most for one in followed if one.most is not None]
    if planned is None or len(reached) < len(followed):
        return None
    changed = planned.changed.union(*(one.changed for one in reached))
    return Buckets(planned.all | changed, changed)


def _hash_files(name: str, fates: Mapping[str, Fate], known: Known) -> HashFiles:
    fate, recorded = fates[name], known.recorded(name)
    now = known.foretell(name) if fate.reasons else recorded
    if name == CONTENTS or not now:
        # It hashes the rows themselves: who reads which is told by those that read it.
        return HashFiles(name, {}, {}, {}, (*fate.doubts, *([name] if fate.reasons else [])))
    sources = {one: fates[one].sources for one in fate.doubts}
    doubts = {path: read_from(content, sources) for path, content in now.items()}
    return HashFiles(name, now, recorded, doubts)
