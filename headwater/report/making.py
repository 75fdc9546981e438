"""Provenance of the build: parameters, versions, licences."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import Any

from headwater import __version__
from headwater.config import Params
from headwater.report.counts import Licence

PACKAGES = (
    "numpy",
    "torch",
    "lightning",
    "mediapipe",
    "anny",
    "trimesh",
    "embreex",
    "libigl",
    "pyarrow",
    "pillow",
    "prefect",
    "dvc",
)


@dataclass(frozen=True)
class Making:
    """Contents of the section."""

    params: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    licences: Sequence[Licence]


def making_section(params: Params, licences: Sequence[Licence]) -> Making:
    """Parameters by dotted name, versions of the main packages, licences of the sources."""
    versions = [("headwater", __version__)]
    versions += [(name, found) for name in PACKAGES if (found := _version(name)) is not None]
    return Making(flat(params.model_dump(exclude={"cache"})), versions, licences)


def flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, value); of an absolute path only the last part is shown."""
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, _shown(value)))
    return rows


def _shown(value: Any) -> str:
    text = str(value)
    place = re.fullmatch(r"([a-z]+:)?(/.*)", text, re.DOTALL)
    return f"{place[1] or ''}…/{PurePath(place[2]).name}" if place else text


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
