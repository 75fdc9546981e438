"""A part of a build's files checked at every call, those first whose check is the longest ago.

The rounds in which files were checked are remembered in ``.headwater/checked.json``, so that a few
calls check everything however large the build is.
"""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.upkeep.repair import Copy, read_record

MEMORY = Path(".headwater") / "checked.json"


@dataclass(frozen=True)
class SpotCheck:
    """The files checked: their number, out of how many, and those that are damaged."""

    files: int
    total: int
    damaged: tuple[Copy, ...]


def spot_check(project: Path, always: Collection[Path], seconds: float) -> SpotCheck:
    """Check files of the data and objects of DVC's cache for about ``seconds``.

    always: files that are checked at every call, whatever that takes. A file that was begun is
    read to its end.
    """
    end = time.monotonic() + seconds
    rounds = _read(project / MEMORY)
    now = 1 + max(rounds.values(), default=0)
    record = read_record(project)
    copies = {str(copy.path): copy for copy in [*record.copies(), *record.listings()]}
    # Without its listing it is not known what an output holds; a listing is read in any case.
    first = {str(path) for path in always} | {str(copy.path) for copy in record.listings()}
    order = sorted(copies, key=lambda name: (name not in first, rounds.get(name, 0), name))
    damaged = []
    checked = {}
    for name in order:
        if name not in first and time.monotonic() >= end:
            break
        if copies[name].is_damaged():
            damaged.append(copies[name])
        checked[name] = now
    kept = {name: number for name, number in rounds.items() if name in copies}
    write_text(project / MEMORY, json.dumps(kept | checked))
    return SpotCheck(len(checked), len(copies), tuple(damaged))


def _read(path: Path) -> dict[str, int]:
    """Rounds by file; none when they are not as they were written: all is checked anew."""
    try:
        rounds = json.loads(path.read_bytes())
        return {str(name): int(number) for name, number in rounds.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}
