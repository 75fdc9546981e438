"""The parameters of a build as the configs of its systems, and what stages depend on of them."""

import reprlib
from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from headwater.artifacts.code import code_of_object
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.schemas import MAPS
from headwater.config import Params, SystemSettings, explained, valid_keys
from headwater.data.face_maps import MapSize
from headwater.errors import HeadwaterError
from headwater.evaluation.attempt import blaming
from headwater.evaluation.challenge import Challenge
from headwater.evaluation.checks import is_number
from headwater.systems import (
    challenge_of,
    find_system,
    known_challenges,
    known_systems,
    unknown_in_params,
)
from headwater.systems.homes import home_of_system
from headwater.systems.soundness import config_fault
from headwater.systems.system import System
from headwater.training.run import Config

SOURCE = "params.yaml"


def check_systems(params: Params, project: Path) -> None:
    """Raise HeadwaterError for systems, challenges, sizes and overrides that there are not."""
    known = known_systems(params, project)
    known_challenges(params, project)
    if faults := unknown_in_params(params, known):
        raise HeadwaterError("\n".join(faults))
    for name, challenge in params.build.items():
        system = known[name]
        if challenge != system.challenge:
            raise HeadwaterError(
                f"{SOURCE}: build.{name} is {challenge!r}, but {name} answers {system.challenge!r}"
            )
        _check_split(system, params, challenge_of(system, params, project))
    for name in {**params.build, **params.systems}:
        config = config_of(known[name], params, project)
        if fault := config_fault(config):
            raise HeadwaterError(f"system {name!r}: {fault}")
        tables_read(known[name], config)
        steps_of(known[name], config)
    map_size(params, project)


def _check_split(system: System, params: Params, challenge: Challenge) -> None:
    """Minutes of a build must not pass before it is found that nobody can be held out."""
    split = params.split
    if challenge.reads and not split.test:
        raise HeadwaterError(
            f"{SOURCE}: split.test is 0, which leaves nobody to judge {system.name} on; raise it"
        )
    if challenge.learns and split.test + split.validation >= 1:
        together = split.test + split.validation
        raise HeadwaterError(
            f"{SOURCE}: split.test and split.validation are {together:g} together, which leaves "
            f"nobody to train {system.name} on; lower them"
        )


def settings_of(system: System, params: Params) -> SystemSettings:
    """The parameters of a system; the usual ones where it has none."""
    return params.system(system.name, system.sizes)


def config_of(system: System, params: Params, project: Path, *, answers_only: bool = False) -> Any:
    """The config of the size that the parameters name, with their overrides.

    answers_only: for weights at hand, without the files that only trainings read. Raises
    HeadwaterError naming an unknown size, every wrong key with the nearest valid one, every wrong
    value, and a file that is not there.
    """
    settings, key = settings_of(system, params), f"systems.{system.name}"
    if settings.size not in system.sizes:
        raise HeadwaterError(
            f"{SOURCE}: {key}.size is {settings.size!r}, but the sizes of {system.name} are "
            f"{', '.join(system.sizes)}"
        )
    config = system.sizes[settings.size]
    if settings.overrides:
        kind, prefix = type(config), f"{key}.overrides."
        with blaming(f"{SOURCE}: {key}.overrides"):
            try:
                config = kind.model_validate(_merged(config.model_dump(), settings.overrides))
            except ValidationError as error:
                names = [prefix + name for name in valid_keys(kind)]
                raise HeadwaterError(explained(error, SOURCE, names, prefix)) from error
    if answers_only:
        config = config.model_copy(update=dict.fromkeys(config.TRAINED_FROM, ""))
    if system.prepared is None:
        return config
    with blaming(f"{system.name}: prepared"):
        prepared = system.prepared(config, project)
        if not isinstance(prepared, type(config)):
            raise TypeError(
                f"returned {reprlib.repr(prepared)} instead of a {type(config).__name__}"
            )
        return prepared


def tables_read(system: System, config: Any) -> tuple[TableSchema, ...]:
    """The tables that a training reads. Raises HeadwaterError for a fault of the system's code."""
    with blaming(f"{system.name}: reads"):
        read = tuple(system.reads(config))
        for schema in read:
            if not isinstance(schema, TableSchema):
                raise TypeError(f"{reprlib.repr(schema)} is no TableSchema")
        return read


def steps_of(system: System, config: Any) -> int:
    """Optimiser steps of a training. Raises HeadwaterError for a fault of the system's code."""
    with blaming(f"{system.name}: steps"):
        steps: Any = system.steps(config)
        if not isinstance(steps, Integral) or not is_number(steps) or int(steps) < 1:
            raise ValueError(f"{reprlib.repr(steps)} is no number of steps")
        return int(steps)


def training_tables(params: Params, project: Path) -> tuple[TableSchema, ...]:
    """The tables that trainings of the build read, each once, by name."""
    systems = [find_system(name, params, project) for name in params.build]
    read = {
        schema.name: schema
        for system in systems
        for schema in tables_read(system, config_of(system, params, project))
    }
    return tuple(read[name] for name in sorted(read))


def map_size(params: Params, project: Path) -> MapSize | None:
    """The size of the maps that trainings of the build read; None where none reads any.

    Raises HeadwaterError for two sizes, and for a fault of a system's code.
    """
    found: dict[MapSize, str] = {}
    for name in params.build:
        system = find_system(name, params, project)
        config = config_of(system, params, project)
        if MAPS in tables_read(system, config):
            found.setdefault(_map_size(system, config), name)
    if len(found) > 1:
        asked = ", ".join(f"{name} {one.px} px of {one.mm:g} mm" for one, name in found.items())
        raise HeadwaterError(
            f"{SOURCE}: systems of the build read maps of several sizes: {asked}; a build has maps "
            "of one, so build them apart or set them alike"
        )
    return next(iter(found), None)


def _map_size(system: System, config: Any) -> MapSize:
    with blaming(f"{system.name}: map_size"):
        size: Any = None if system.map_size is None else system.map_size(config)
        if not isinstance(size, MapSize):
            raise TypeError(f"it reads maps, and their size is {reprlib.repr(size)}")
        return size


def training_inputs(system: System, params: Params, project: Path) -> dict[str, Any]:
    """Everything but data that the weights of a system depend on: its settings and its code."""
    config: Config = config_of(system, params, project)
    settings = settings_of(system, params)
    return {
        "config": config.of_training(),
        "seed": params.seed,
        "device": settings.device,
        "devices": settings.devices,
        "precision": settings.precision,
        **_code(system, params, project, system.train),
    }


def answer_inputs(system: System, params: Params, project: Path) -> dict[str, Any]:
    """Everything but weights and questions that a system's answers depend on.

    All settings count, those of training too: ``load`` is given the whole config.
    """
    config: Config = config_of(system, params, project)
    return {
        "config": config.model_dump(mode="json"),
        "size": settings_of(system, params).size,
        "device": settings_of(system, params).device,
        **_code(system, params, project, system.load, system.answer),
    }


def _code(
    system: System, params: Params, project: Path, *functions: Callable[..., Any]
) -> dict[str, Any]:
    home = home_of_system(system.name, params, project)
    return code_of_object(home, functions).as_json()


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        inner = merged.get(name)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(inner, value)
        else:
            merged[name] = value
    return merged
