"""Stages that noted versions of packages, which DVC does not see change."""

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from headwater.config import Params


def of_other_packages(project: Path, params: Params) -> set[str]:
    """Stages that noted versions of packages, where others are installed now.

    Running them again makes those stale that use the packages, and no others.
    """
    notes = {"code": "data/code", **{f"inputs@{n}": f"data/inputs/{n}" for n in params.build}}
    return {
        stage
        for stage, folder in notes.items()
        for path in (project / folder).glob("*.json")
        if any(_installed(name) != noted for name, noted in _noted(path).items())
    }


def _noted(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["packages"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


@cache
def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
