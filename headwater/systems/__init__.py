"""The published systems: a folder of the same shape each, and all of them by name.

``SYSTEMS`` holds those of the folders beside this file. Others come from installed packages, by the
entry point group ``headwater.systems``, and from packages in the folders that ``plugins`` in
``params.yaml`` names: each has a ``SYSTEM``, and a ``CHALLENGE`` where it brings one.
"""

import difflib
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Challenge, own_challenges
from headwater.systems.system import System

GROUP: Final = "headwater.systems"


def _own() -> dict[str, System]:
    names = [one.name for one in pkgutil.iter_modules(__path__) if one.ispkg]
    return {name: import_module(f"{__name__}.{name}").SYSTEM for name in sorted(names)}


SYSTEMS: Final[Mapping[str, System]] = MappingProxyType(_own())


def known_systems(params: Params, project: Path) -> dict[str, System]:
    """Systems by name: the project's own, installed ones, and those of its ``plugins``.

    Raises HeadwaterError for a folder that holds none, and for a name that stands for two.
    """
    systems = dict(SYSTEMS)
    for module in _from_outside(params, project):
        system = getattr(module, "SYSTEM", None)
        if not isinstance(system, System):
            raise HeadwaterError(f"{_file(module)}: has no SYSTEM; see headwater.systems.system")
        if system.name in systems and systems[system.name] is not system:
            raise HeadwaterError(f"{_file(module)}: there is a system {system.name!r} already")
        systems[system.name] = system
    return systems


def challenge_of(system: System, params: Params, project: Path) -> Challenge:
    """The challenge that a system answers. Raises HeadwaterError when there is none of its name."""
    challenges = known_challenges(params, project)
    if system.challenge not in challenges:
        raise HeadwaterError(
            f"{system.name}: there is no challenge {system.challenge!r}; "
            f"the nearest known one is {_nearest(system.challenge, challenges)!r}"
        )
    return challenges[system.challenge]


def known_challenges(params: Params, project: Path) -> dict[str, Challenge]:
    """Challenges by name: the project's own, and those that systems from outside bring."""
    challenges = own_challenges()
    for module in _from_outside(params, project):
        challenge = getattr(module, "CHALLENGE", None)
        if isinstance(challenge, Challenge):
            challenges[challenge.name] = challenge
    return challenges


def find_system(name: str, params: Params, project: Path) -> System:
    """The system of this name. Raises HeadwaterError naming the nearest one if unknown."""
    systems = known_systems(params, project)
    if name not in systems:
        raise HeadwaterError(
            f"unknown system {name!r}; the nearest known one is {_nearest(name, systems)!r}"
        )
    return systems[name]


def _nearest(name: str, known: Mapping[str, object]) -> str:
    return difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]


def _file(module: ModuleType) -> str:
    return module.__file__ or module.__name__


def _from_outside(params: Params, project: Path) -> Iterator[ModuleType]:
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield import_module(point.module)
    for name, folder in params.plugins.items():
        yield from _packages((project / Path(folder).expanduser()).resolve(), name)


@cache
def _packages(folder: Path, name: str) -> tuple[ModuleType, ...]:
    """The packages in a folder, imported by their own names."""
    names = [one.name for one in pkgutil.iter_modules([str(folder)]) if one.ispkg]
    if not names:
        raise HeadwaterError(f"params.yaml: plugins.{name} is {str(folder)!r}, without a package")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    for package in names:
        spec = find_spec(package)
        if spec is None or spec.origin != str(folder / package / "__init__.py"):
            raise HeadwaterError(f"{folder / package}: there is a package of this name already")
    # A folder that DVC watches must not change by being read: by this process, whose functions
    # import more of it later, nor by those that it starts.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    return tuple(import_module(package) for package in sorted(names))
