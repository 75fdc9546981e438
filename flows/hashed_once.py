"""Inputs of a stage that DVC hashes once for each of its commands, before the step runs.

DVC alone hashes them ten times, the last time after the step: that takes longer than anything else
of a folder of many photos, and one that changes while the step runs would be on record with the
outputs of what it was before.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from dvc.dependency.base import Dependency
from dvc.output import Output


@cache
def hash_inputs_once() -> Callable[[], None]:
    """From now on DVC, in this process, keeps the hash of an input; gives what makes it forget."""
    known: dict[tuple[str, str], Any] = {}

    def build(self: Dependency, *arguments: Any, **options: Any) -> Any:
        name = (self.fs_path, self.hash_name)
        if name not in known:
            known[name] = Output._build(self, *arguments, **options)
        return known[name]

    Dependency._build = build
    return known.clear
