"""Stages that noted versions of packages or code from outside, which DVC does not see change."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from headwater.config import Params
from headwater.systems.homes import OUTSIDE, outside_text


def of_other_packages(project: Path, params: Params) -> set[str]:
    """Stages that noted versions of packages or code from outside, where others are there now.

    Running them again makes those stale that use the packages or the code, and no others.
    """
    notes = {
        "code": "data/code",
        "questions": "data/questions",
        **{f"inputs@{name}": f"data/inputs/{name}" for name in params.build},
    }
    stale = {
        stage
        for stage, folder in notes.items()
        for path in (project / folder).glob("*.json")
        if any(_installed(name) != noted for name, noted in _noted(path))
    }
    outside = project / OUTSIDE
    if outside.is_file() and outside.read_bytes() != outside_text(params, project).encode():
        stale.add("code")
    return stale


def _noted(path: Path) -> list[tuple[str, object]]:
    """Every package with its version that a file names, at whatever depth."""
    try:
        return list(_packages(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, RecursionError):
        return []


def _packages(value: object) -> Iterator[tuple[str, object]]:
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        if name == "packages" and isinstance(inner, dict):
            yield from inner.items()
        else:
            yield from _packages(inner)


@cache
def _installed(package: str) -> str | None:
    try:
        return version(package)
    except (PackageNotFoundError, ValueError):
        return None
