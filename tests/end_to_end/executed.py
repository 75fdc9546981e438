"""Functions of ours that run, held against the definitions that a fingerprint follows."""

import ast
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from headwater.artifacts import code
from headwater.artifacts.code import NOT_FOLLOWED
from headwater.artifacts.modules import OURS, PROJECT, Name
from headwater.artifacts.syntax import bound_by

# By the identity of each, which costs less than to compare them.
Codes = dict[int, CodeType]
_FOLDERS = tuple(f"{PROJECT / top}/" for top in OURS)
_LEFT_OUT = {f"{PROJECT.joinpath(*name.split('.'))}.py" for name in NOT_FOLLOWED}


@contextmanager
def executed(root: Callable[..., Any], codes: Codes) -> Iterator[None]:
    """Put the functions of ours that run below ``root`` into ``codes``.

    Those are left out that the import of a module runs, or a module that enters keys by value.
    """
    top, depth = root.__code__, 0
    # Those of others too, kept so that no other code takes their place: most calls end here.
    settled: Codes = {}

    def enter(frame: FrameType, event: str, _: object) -> Any:
        nonlocal depth
        own = frame.f_code
        if id(own) in settled:
            return None
        if own is top:
            depth += 1
            frame.f_trace_lines = False
        if not _is_ours(own):
            settled[id(own)] = own
        elif depth and not _aside(frame):
            codes[id(own)] = own
            if own is not top:
                settled[id(own)] = own
        return leave if own is top else None

    def leave(frame: FrameType, event: str, _: object) -> Any:
        nonlocal depth
        if event == "return":
            depth -= 1
        return leave

    # Not setprofile, which also tells of the end of every function and of all those in C.
    threading.settrace(enter)
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(None)
        threading.settrace(None)


def _is_ours(own: CodeType) -> bool:
    return own.co_filename.startswith(_FOLDERS) and own.co_filename.endswith(".py")


def _aside(frame: FrameType | None) -> bool:
    """True for code of a module or a class, and for what one of those left out runs."""
    if frame is not None and not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return True
    while frame is not None:
        file = frame.f_code.co_filename
        if file in _LEFT_OUT or (frame.f_code.co_name == "<module>" and file.startswith(_FOLDERS)):
            return True
        frame = frame.f_back
    return False


def followed(fingerprints: Callable[[], object]) -> set[Name]:
    """Definitions that are followed while ``fingerprints`` computes some."""
    code.code_of.cache_clear()
    names: set[Name] = set()
    taken = code._taken

    def taking(name: Name) -> Any:
        names.add(name)
        return taken(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "_taken", taking)
        fingerprints()
    return names


def unfollowed(codes: Codes, names: set[Name]) -> set[str]:
    """Functions and classes that ran and are none of the definitions ``names``: "module name"."""
    missed = set()
    for one in codes.values():
        path = Path(one.co_filename)
        module = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        own = {Name(module, name) for name in ("", *_defined_at(path, one.co_firstlineno))}
        if not own & names:
            missed.add(f"{module} {one.co_qualname.partition('.')[0]}")
    return missed


def _defined_at(path: Path, line: int) -> set[str]:
    """Names of the top-level definition that a line belongs to."""
    for statement in _tree(path).body:
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(one.lineno for one in decorators)])
        if first <= line <= (statement.end_lineno or first):
            return bound_by(statement) or {"!"}
    return set()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())
