"""Inputs of a stage that stay for DVC what they are when its command begins.

DVC alone hashes them ten times, the last time after the step: that takes longer than anything else
of a folder of many photos, and one that changes while the step runs would be on record with the
outputs of what it was before. So would parameters: a build's tables are of those that it began
with.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import dvc.dependency.param
from dvc.dependency.base import Dependency
from dvc.output import Output
from dvc.utils.serialize import load_path, parse_yaml


@cache
def steady_inputs() -> Callable[[str | None], None]:
    """From now on DVC, in this process, keeps what it sees of inputs; gives what begins a command.

    That takes the text to read for the parameters of the project; None for what their file holds.
    """
    hashes: dict[tuple[str, str], Any] = {}
    parameters: str | None = None

    def build(self: Dependency, *arguments: Any, **options: Any) -> Any:
        name = (self.fs_path, self.hash_name)
        if name not in hashes:
            hashes[name] = Output._build(self, *arguments, **options)
        return hashes[name]

    def load(path: str, fs: Any, **options: Any) -> Any:
        if parameters is not None and Path(path) == Path("params.yaml").resolve():
            return parse_yaml(parameters, path)
        return load_path(path, fs, **options)

    def begin(text: str | None) -> None:
        nonlocal parameters
        hashes.clear()
        parameters = text

    Dependency._build = build
    dvc.dependency.param.load_path = load
    return begin
