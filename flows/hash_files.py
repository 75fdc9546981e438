"""The files of a stage of hashes: as it would write them now, and what may still change of them.

They hold hashes of rows, settings and code that other stages depend on.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from flows.reasons import of_contents
from headwater.upkeep.recorded import md5_of

CONTENTS = "contents"
Files = Mapping[str, bytes]
# Content of a file by its recorded MD5 and its path; None where it is not to be had.
Former = Callable[[str, str], bytes | None]


@dataclass(frozen=True)
class HashFiles:
    """Files of the stage ``name`` by path, as it would write them, and as they are on record.

    doubts: by path, stages whose rows a file stands for and that may change. opaque: those that may
    change any file, where none is known.
    """

    name: str
    now: Files
    recorded: Files
    doubts: Mapping[str, tuple[str, ...]]
    opaque: tuple[str, ...] = ()

    def reasons(self, dep: str, md5: str | None, former: Former) -> list[str]:
        """Words for what differs of a file, or a folder, from its ``md5`` on record."""
        if md5 is None:
            return []
        if dep in self.now:
            now = self.now[dep]
            if md5_of(now) == md5:
                return []
            return of_contents(former(md5, dep), now) or [f"other outputs of {self.name}"]
        inside = {path for path in (*self.now, *self.recorded) if is_in(path, dep)}
        differ = any(self.now.get(path) != self.recorded.get(path) for path in inside)
        return [f"other outputs of {self.name}"] if differ else []

    def doubts_of(self, dep: str) -> list[str]:
        """Stages that change a file, or a folder, if their rows change."""
        inside = [stages for path, stages in self.doubts.items() if is_in(path, dep)]
        return [*self.opaque, *(one for stages in inside for one in stages)]


def read_from(content: bytes, sources: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Stages whose rows, of the sources given for each, a file of hashes stands for."""
    value = json.loads(content)
    return tuple(one for one, kinds in sources.items() if _stands_for(value, one, kinds))


def is_in(path: str, folder: str) -> bool:
    """True for a path that is ``folder`` or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)


def _stands_for(value: Any, stage: str, sources: Collection[str]) -> bool:
    if not isinstance(value, dict):
        return False
    if stage in ("head_model", "other_heads") and stage.removesuffix("_heads") in value:
        return True
    rows = value["rows"] if isinstance(value.get("rows"), dict) else {}
    # Of one source together; without any group it may be any.
    kinds = {group.partition("/")[0] for groups in rows.values() for group in groups}
    steps = {table.partition("/")[0] for table in rows}
    if (stage in steps or (rows and stage == CONTENTS)) and (not kinds or kinds & set(sources)):
        return True
    return any(_stands_for(one, stage, sources) for key, one in value.items() if key != "rows")
