"""Modules as their top-level statements and the names in them, read and never imported."""

import ast
import inspect
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from headwater.artifacts.syntax import (
    bound_by,
    chains,
    has_effect,
    is_text,
    local_imports,
    named_in_calls,
)
from headwater.errors import HeadwaterError

STARTED_NS: Final = time.time_ns()
PROJECT: Final = Path(__file__).resolve().parents[2]
# Followed wherever they lie, definition by definition; other packages in folders count as a whole.
OURS: Final = ("headwater", "tasks")
_INSTALLED: Final = ("site-packages", "dist-packages")


@dataclass(frozen=True, order=True)
class Name:
    """A definition: the dotted module, and the name that it has there ("" for the whole module)."""

    module: str
    name: str


@dataclass(frozen=True)
class Module:
    """A module of the project as its top-level statements, read and never imported."""

    name: str
    tree: ast.Module

    @cached_property
    def bindings(self) -> dict[str, list[ast.stmt]]:
        """The statements that define each top-level name, in order."""
        bound: dict[str, list[ast.stmt]] = {}
        for statement in self.tree.body:
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                for name in bound_by(statement):
                    bound.setdefault(name, []).append(statement)
        return bound

    @cached_property
    def imports(self) -> dict[str, Name]:
        """The source of each name that the module imports."""
        return _imports(self.tree.body, self.name)

    @cached_property
    def always(self) -> list[Name]:
        """The effects of importing the module and the packages round it."""
        parents = self.name.split(".")[:-1]
        around = [Name(".".join(parents[: n + 1]), "!") for n in range(len(parents))]
        return [Name(self.name, "!"), *around]

    def statements(self, name: str) -> list[ast.stmt]:
        """Statements that define ``name``; all for "", those with an effect of their own for "!".

        A name that the module imports is followed where it comes from.
        """
        if name == "":
            return [one for one in self.tree.body if not is_text(one)]
        if name == "!":
            return [one for one in self.tree.body if has_effect(one)]
        if name in self.bindings:
            return self.bindings[name]
        target = self.imports.get(name)
        return [] if target is None else [_import_statement(target)]

    def names_in(self, statement: ast.stmt) -> list[Name]:
        """Definitions that a statement of this module uses."""
        local = _imports(local_imports(statement), self.name)
        found = [_on_import(target) for target in local.values()]
        found += [Name(module, "") for module in named_in_calls(statement)]
        for chain in chains(statement):
            first = chain[0]
            target = local.get(first) or self.imports.get(first)
            if target is not None:
                found.append(resolved(target, chain[1:]))
            elif first in self.bindings:
                found.append(Name(self.name, first))
        return found


@cache
def read_module(name: str) -> Module | None:
    """A module of the project, or of a package that is not installed but lies in a folder.

    None for the standard library and for installed packages. Raises HeadwaterError when it was
    edited while this process ran, which may have loaded what stood there before.
    """
    path = source_of(name)
    return None if path is None else Module(name, ast.parse(unedited(path)))


def unedited(path: Path) -> bytes:
    """Source text that is older than this process. Raises HeadwaterError where it is not."""
    # A time to come is that of another clock and says nothing.
    if STARTED_NS < path.stat().st_mtime_ns <= time.time_ns():
        raise HeadwaterError(f"{path}: was edited while it was in use; run again")
    return path.read_bytes()


@cache
def source_of(name: str) -> Path | None:
    """File of a module whose code is followed, None for others."""
    top, *parts = name.split(".")
    folder = top_folder(top)
    if folder is None:
        return None
    path = folder.joinpath(*parts)
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((one for one in candidates if one.is_file()), None)


@cache
def top_folder(top: str) -> Path | None:
    """Folder of a top-level package (or its file, without the suffix) whose code is followed."""
    if top == OURS[0]:
        return PROJECT / top
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ())
    if not places and spec.origin in (None, "built-in", "frozen"):
        return None
    folder = Path(places[0] if places else str(spec.origin).removesuffix(".py")).resolve()
    return folder if top in OURS or not _is_installed(folder) else None


def _is_installed(path: Path) -> bool:
    return any(part in _INSTALLED for part in path.parts) or path.is_relative_to(_standard())


@cache
def _standard() -> Path:
    return Path(inspect.getfile(inspect)).resolve().parent


def import_targets(tree: ast.Module, module: str) -> list[Name]:
    """All that a module imports, wherever: definitions, and modules for those with all names."""
    targets = []
    for statement in local_imports(tree):
        if isinstance(statement, ast.Import):
            targets += [Name(alias.name, "") for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            source = _absolute(statement, module)
            names = (alias.name for alias in statement.names)
            targets += [Name(source, "" if name == "*" else name) for name in names]
    return targets


def resolved(target: Name, chain: tuple[str, ...]) -> Name:
    """The definition that a dotted use of an imported name means."""
    for part in chain:
        if target.name and not _is_module(target):
            return target
        target = Name(_as_module(target), part)
    return Name(_as_module(target), "") if _is_module(target) else target


def _on_import(target: Name) -> Name:
    """The effects of the import that brings a name."""
    return Name(_as_module(target) if _is_module(target) else target.module, "!")


def _is_module(target: Name) -> bool:
    """True for a name that means a module: one without a name, or a submodule of its package."""
    if not target.name:
        return True
    module = read_module(target.module)
    if module is not None and (target.name in module.bindings or target.name in module.imports):
        return False
    return source_of(f"{target.module}.{target.name}") is not None


def _as_module(target: Name) -> str:
    return f"{target.module}.{target.name}" if target.name else target.module


def _imports(statements: Iterable[ast.stmt], module: str) -> dict[str, Name]:
    """Targets by the name that they get in ``module``."""
    bound: dict[str, Name] = {}
    for statement in statements:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                top = alias.name.partition(".")[0]
                bound[alias.asname or top] = Name(alias.name if alias.asname else top, "")
        elif isinstance(statement, ast.ImportFrom):
            source = _absolute(statement, module)
            for alias in statement.names:
                bound[alias.asname or alias.name] = Name(source, alias.name)
    return bound


def _absolute(statement: ast.ImportFrom, module: str) -> str:
    """The dotted module of a ``from`` import, relative ones counted from ``module``."""
    if not statement.level:
        return statement.module or ""
    path = source_of(module)
    inside = path is not None and path.name == "__init__.py"
    parts = module.split(".")
    parts = parts[: len(parts) - statement.level + inside]
    return ".".join([*parts, *([statement.module] if statement.module else [])])


def _import_statement(target: Name) -> ast.stmt:
    return ast.ImportFrom(target.module, [ast.alias(target.name or "*")], 0)
