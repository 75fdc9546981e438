"""The published systems: a folder of the same shape each, and all of them by name.

``SYSTEMS`` holds those of the folders beside this file. Others come from packages outside of the
repository: each has a ``SYSTEM``, a ``CHALLENGE``, or both.
"""

import difflib
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Challenge, own_challenges
from headwater.systems.outside import from_outside
from headwater.systems.system import System


def _own() -> dict[str, System]:
    names = [one.name for one in pkgutil.iter_modules(__path__) if one.ispkg]
    return {name: import_module(f"{__name__}.{name}").SYSTEM for name in sorted(names)}


SYSTEMS: Final[Mapping[str, System]] = MappingProxyType(_own())


def known_systems(params: Params, project: Path) -> dict[str, System]:
    """Systems by name: the project's own, installed ones, and those of its ``plugins``.

    Raises HeadwaterError with a sentence for each of ``sound_systems``' faults.
    """
    systems, faults = sound_systems(params, project)
    if faults:
        raise HeadwaterError("\n".join(faults))
    return systems


def sound_systems(params: Params, project: Path) -> tuple[dict[str, System], list[str]]:
    """Systems by name that can be used, and a sentence for each fault of the others.

    Faults are packages that cannot be imported, folders that hold none, systems that are none, and
    a name that stands for two.
    """
    outside = from_outside(params, project)
    systems, faults = dict(SYSTEMS), list(outside.faults)
    for module in outside.modules:
        system = getattr(module, "SYSTEM", None)
        if system is None:
            continue
        if not isinstance(system, System):
            faults.append(f"{_file(module)}: SYSTEM is no System; see headwater.systems.system")
        elif not system.sizes:
            faults.append(f"{_file(module)}: system {system.name!r} has no sizes; give it one")
        elif systems.setdefault(system.name, system) is not system:
            faults.append(f"{_file(module)}: there is a system {system.name!r} already; rename it")
    return systems, faults


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
    for module in from_outside(params, project).modules:
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
