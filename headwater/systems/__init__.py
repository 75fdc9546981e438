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
from headwater.evaluation.checks import challenge_fault
from headwater.systems.outside import from_outside
from headwater.systems.soundness import system_fault
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
    places = {name: f"{__name__}.{name}" for name in systems}
    for module in outside.modules:
        system = getattr(module, "SYSTEM", None)
        if system is None:
            continue
        if not isinstance(system, System):
            faults.append(f"{_file(module)}: SYSTEM is no System; see headwater.systems.system")
        elif fault := system_fault(system):
            faults.append(f"{_file(module)}: {fault}")
        elif systems.setdefault(system.name, system) is not system:
            faults.append(_taken(module, "system", system.name, places))
        else:
            places.setdefault(system.name, _file(module))
    return systems, faults


def challenge_of(system: System, params: Params, project: Path) -> Challenge:
    """The challenge that a system answers. Raises HeadwaterError when there is none of its name."""
    challenges, _ = sound_challenges(params, project)
    if system.challenge not in challenges:
        raise HeadwaterError(
            f"{system.name}: there is no challenge {system.challenge!r}; "
            f"the nearest known one is {_nearest(system.challenge, challenges)!r}"
        )
    return challenges[system.challenge]


def known_challenges(params: Params, project: Path) -> dict[str, Challenge]:
    """Challenges by name: the project's own, and those that systems from outside bring.

    Raises HeadwaterError with a sentence for each of ``sound_challenges``' faults.
    """
    challenges, faults = sound_challenges(params, project)
    if faults:
        raise HeadwaterError("\n".join(faults))
    return challenges


def sound_challenges(params: Params, project: Path) -> tuple[dict[str, Challenge], list[str]]:
    """Challenges by name that can be judged, and a sentence for each fault of the others.

    Faults are objects that are none, challenges that cannot be judged, and a name of two.
    """
    challenges = own_challenges()
    places = dict.fromkeys(challenges, "headwater.evaluation")
    faults = []
    for module in from_outside(params, project).modules:
        challenge = getattr(module, "CHALLENGE", None)
        if challenge is None:
            continue
        if not isinstance(challenge, Challenge):
            faults.append(
                f"{_file(module)}: CHALLENGE is no Challenge; see headwater.evaluation.challenge"
            )
        elif fault := challenge_fault(challenge):
            faults.append(f"{_file(module)}: {fault}")
        elif challenges.setdefault(challenge.name, challenge) is not challenge:
            faults.append(_taken(module, "challenge", challenge.name, places))
        else:
            places.setdefault(challenge.name, _file(module))
    return challenges, faults


def find_system(name: str, params: Params, project: Path) -> System:
    """The system of this name, in any case, whatever is wrong with others.

    Raises HeadwaterError for an unknown name: what is wrong with others, and all that are known.
    """
    systems, faults = sound_systems(params, project)
    # Names are small letters, and people type titles.
    own = name if name in systems else name.lower()
    if own not in systems:
        raise HeadwaterError("\n".join([*faults, unknown(name, systems)]))
    return systems[own]


def unknown(name: str, known: Mapping[str, System]) -> str:
    """A sentence on a name that stands for no system, with those that do and the nearest one."""
    nearest = _nearest(name.lower(), known)
    return f"unknown system {name!r}; the nearest known one is {nearest!r} of {', '.join(known)}"


def unknown_in_params(params: Params, known: Mapping[str, System]) -> list[str]:
    """A sentence for every name in ``params.yaml`` that stands for no system."""
    return [
        f"params.yaml: {group}.{name}: {unknown(name, known)}; take it out of {group}, or name "
        "the folder of its package under plugins"
        for group in ("build", "systems")
        for name in getattr(params, group)
        if name not in known
    ]


def _nearest(name: str, known: Mapping[str, object]) -> str:
    return difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]


def _taken(module: ModuleType, kind: str, name: str, places: Mapping[str, str]) -> str:
    return f"{_file(module)}: there is a {kind} {name!r} already, of {places[name]}; rename one"


def _file(module: ModuleType) -> str:
    return module.__file__ or module.__name__
