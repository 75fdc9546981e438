"""The lines of a forecast: one for every stage that would run, or may, and how many hold."""

from collections.abc import Collection, Mapping, Sequence

from flows.forecast import Buckets, Fate, is_hash
from flows.graph import Stage

_MOST = 3


def lines(graph: Mapping[str, Stage], fates: Mapping[str, Fate]) -> list[str]:
    """A line for every stage that runs for certain or follows others, those of hashes in one."""
    stages = {name: fate for name, fate in fates.items() if not fate.holds}
    hashes = [name for name in stages if is_hash(name)]
    said = [f"{name}: {_words(graph, name, fates)}" for name in stages if not is_hash(name)]
    return [*said, *([f"hashes alone, in seconds: {', '.join(hashes)}"] if hashes else [])]


def leaving(stages: Collection[str], recorded: Collection[str]) -> list[str]:
    """A line for every system of recorded stages that is no longer built: its data would go."""
    gone = sorted({name for name in recorded if "@" in name and name not in stages})
    systems = dict.fromkeys(name.partition("@")[2] for name in gone)
    named = {one: [name for name in gone if name.endswith(f"@{one}")] for one in systems}
    return [
        f"{system}: leaves the build, and its data goes with {', '.join(names)}"
        for system, names in named.items()
    ]


def last_line(fates: Mapping[str, Fate], others: int) -> str:
    """The number of stages that hold.

    others: lines on what a build does beside, so that it has something to do.
    """
    hold = sum(fate.holds for fate in fates.values())
    if hold == len(fates) and not others:
        return f"all {hold} stages hold: `make repro` has nothing to do"
    return f"{hold} of {len(fates)} stages hold"


def _words(graph: Mapping[str, Stage], name: str, fates: Mapping[str, Fate]) -> str:
    fate = fates[name]
    condition = _condition(graph, _roots(fate.doubts, fates))
    if fate.most:
        condition = f"up to {_count(fate.most)}, {condition}"
    if not fate.reasons:
        return condition
    more = f"; and {len(fate.reasons) - _MOST} more" if len(fate.reasons) > _MOST else ""
    certain = "; ".join(fate.reasons[:_MOST]) + more
    if not fate.planned or not fate.planned.all:
        return certain
    further = fate.most is not None and fate.most.changed > fate.planned.changed
    return f"{_count(fate.planned)}: {certain}{f'; {condition}' if further else ''}"


def _roots(doubts: Collection[str], fates: Mapping[str, Fate]) -> list[str]:
    """The stages of ``doubts`` that can change although none of the others there does."""
    return [one for one in doubts if not _follows(one, doubts, fates)]


def _follows(name: str, stages: Collection[str], fates: Mapping[str, Fate]) -> bool:
    """True for a stage that changes only if one of ``stages`` has."""
    needs = fates[name].doubts if not fates[name].reasons else ()
    return bool(needs) and all(one in stages or _follows(one, stages, fates) for one in needs)


def _condition(graph: Mapping[str, Stage], stages: Collection[str]) -> str:
    tables = [one for one in stages if graph[one].bucketed]
    others = [one for one in stages if one not in tables]
    parts = [_of("rows", tables), _of("outputs", others)]
    return f"if {' or '.join(part for part in parts if part)} change"


def _of(kind: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{names[0]}'{'' if names[0].endswith('s') else 's'} {kind}"
    return f"the {kind} of {', '.join(names[:-1])} or {names[-1]}" if names else ""


def _count(buckets: Buckets) -> str:
    count = f"{len(buckets.changed)} of {len(buckets.all)} buckets"
    if not buckets.cached:
        return count
    some = "" if buckets.cached == buckets.changed else f"{len(buckets.cached)} of them "
    return f"{count}, {some}from the cache"
