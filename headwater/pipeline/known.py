"""Findings of former runs on a step's buckets, by hashes of all that each follows from.

A build of ten thousand photos of which one changed would else read every table again, to find that
all other buckets have the keys that they had. Nothing here is a result: without it the same buckets
are planned and the same files taken, later.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from headwater.artifacts.atomic import write_text
from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.artifacts.regular_files import read_file
from headwater.errors import HeadwaterError

FOLDER: Final = Path(".headwater") / "known"
MAX_BYTES: Final = 2**28

Facts = dict[str, list[str]]


@dataclass
class Known:
    """Facts by hash, each of some texts, in the file ``path``."""

    path: Path
    _former: Facts = field(default_factory=dict)
    _used: Facts = field(default_factory=dict)

    def recall(self, name: str) -> list[str] | None:
        """The texts of a fact; None for one that is not known."""
        texts = self._used.get(name, self._former.get(name))
        if texts is not None:
            self._used[name] = texts
        return texts

    def learn(self, name: str, texts: list[str]) -> None:
        """Know a fact from now on."""
        self._used[name] = texts

    def keep(self, unused: bool = False) -> None:
        """Write what was recalled or learnt, and what was not where ``unused``.

        A disk that takes nothing costs the next run some time, and no more.
        """
        kept = self._former | self._used if unused else self._used
        if kept != self._former:
            with suppress(OSError):
                write_text(self.path, canonical_json({"facts": kept, "checksum": _checksum(kept)}))


def read_known(project: Path, step: str) -> Known:
    """Facts on a step's buckets that former runs kept; none where the file is not as written."""
    path = project / FOLDER / f"{step}.json"
    try:
        content = json.loads(read_file(path, MAX_BYTES))
        facts = {name: list(texts) for name, texts in content["facts"].items()}
        if content["checksum"] == _checksum(facts):
            return Known(path, facts)
    except (HeadwaterError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return Known(path)


def _checksum(facts: Facts) -> str:
    return sha256_hex(canonical_json(facts).encode())
