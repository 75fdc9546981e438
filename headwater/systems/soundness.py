"""A system from outside, checked before anything is made of it."""

import reprlib
from collections.abc import Iterator, Mapping
from math import isfinite
from types import NoneType
from typing import Final

from pydantic import ValidationError

from headwater.evaluation.checks import MOST_LETTERS_ABOUT, line_fault, name_fault
from headwater.systems.system import Published, System
from headwater.training.run import Config, unlike

# The folder of baselines beside systems, and the word for every system.
RESERVED: Final = frozenset({"all", "baselines"})
_FUNCTIONS: Final = ("steps", "reads", "train", "load", "answer")
_OPTIONAL: Final = ("prepared", "claims", "map_size")


def system_fault(system: System) -> str | None:
    """A sentence on the first thing for which a system cannot be built; None without any."""
    if fault := name_fault(system.name, "system", RESERVED):
        return fault
    fault = next(_faults(system), None)
    return None if fault is None else f"system {system.name!r}: {fault}"


def config_fault(config: Config) -> str | None:
    """A sentence on the first setting of which no record tells its value; None without any.

    Stages would not be run again for another value, or would be for ever.
    """
    recorded = config.model_dump()
    for name, value in _leaves(recorded):
        if not isinstance(value, (bool, int, float, str, NoneType)):
            return (
                f"setting {name} is {reprlib.repr(value)}; let it be a number, a text, true, "
                "false, none, or a tuple or dict of these"
            )
    try:
        read = type(config).model_validate(recorded)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return f"setting {place} is {reprlib.repr(first['input'])}: {first['msg']}; mend it"
    lost = unlike(config, read)
    if lost is None:
        return None
    return (
        f"setting {lost} is {reprlib.repr(getattr(config, lost))}, which is lost where settings "
        "are recorded; annotate it with its own type, and exclude nothing but a FilePlace"
    )


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Values that are no dict, list or tuple, at whatever depth, with their dotted names."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _leaves(inner, name)
    else:
        yield name, value


def _faults(system: System) -> Iterator[str]:
    for name in ("title", "reference", "challenge"):
        if fault := line_fault(getattr(system, name), name):
            yield fault
    yield from _faults_of_sizes(system.sizes)
    for name in (*_FUNCTIONS, *_OPTIONAL):
        value = getattr(system, name)
        if not callable(value) and (value is not None or name in _FUNCTIONS):
            yield f"{name} is {reprlib.repr(value)}, no function; mend it"
    paper: object = system.paper
    if paper is not None and not isinstance(paper, Published):
        yield f"paper is {reprlib.repr(paper)}, no Published; mend it or leave it out"
    elif paper is not None:
        yield from _faults_of_paper(paper)


def _faults_of_sizes(sizes: object) -> Iterator[str]:
    if not isinstance(sizes, Mapping):
        yield f"sizes is {reprlib.repr(sizes)}, no mapping of names to configs; mend it"
        return
    if not sizes:
        yield "it has no sizes; give it one"
    for size, config in sizes.items():
        if fault := line_fault(size, "a name in sizes"):
            yield fault
        if not isinstance(config, Config):
            yield f"size {size!r} is {reprlib.repr(config)}, no Config; mend it"


def _faults_of_paper(paper: Published) -> Iterator[str]:
    for name in ("unit", "data", "about"):
        if fault := line_fault(getattr(paper, name), f"{name} of paper", MOST_LETTERS_ABOUT):
            yield fault
    columns: object = paper.columns
    rows: object = paper.rows
    if not isinstance(columns, tuple) or any(line_fault(one, "") for one in columns):
        yield f"columns of paper is {reprlib.repr(columns)}, no tuple of texts; mend it"
    elif not isinstance(rows, tuple):
        yield f"rows of paper is {reprlib.repr(rows)}, no tuple of rows; mend it"
    else:
        for row in rows:
            if not _is_row(row, len(columns)):
                yield (
                    f"row {reprlib.repr(row)} of paper is not a method's name with {len(columns)} "
                    "figures, each a number or None; mend it"
                )


def _is_row(row: object, count: int) -> bool:
    """True for a method's name and so many figures that JSON has words for."""
    if not isinstance(row, tuple) or len(row) != 2 or not isinstance(row[1], tuple):
        return False
    method, figures = row
    return (
        line_fault(method, "") is None
        and len(figures) == count
        and all(one is None or (type(one) in (int, float) and isfinite(one)) for one in figures)
    )
