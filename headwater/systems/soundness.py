"""A system from outside, checked before anything is made of it."""

import reprlib
from collections.abc import Iterator, Mapping
from typing import Final

from headwater.evaluation.checks import line_fault, name_fault
from headwater.systems.system import Published, System
from headwater.training.run import Config

# The folder of baselines beside systems, and the word for every system.
RESERVED: Final = frozenset({"all", "baselines"})
_FUNCTIONS: Final = ("steps", "reads", "train", "load", "answer")
_OPTIONAL: Final = ("prepared", "claims")


def system_fault(system: System) -> str | None:
    """A sentence on the first thing for which a system cannot be built; None without any."""
    if fault := name_fault(system.name, "system", RESERVED):
        return fault
    fault = next(_faults(system), None)
    return None if fault is None else f"system {system.name!r}: {fault}"


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
