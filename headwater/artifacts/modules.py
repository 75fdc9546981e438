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
# Errors of Python's parser for text that is no Python, or nested too deeply.
UNPARSED: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
# Files of code that were counted in this process.
COUNTED: Final[set[Path]] = set()


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
    def stars(self) -> list[Name]:
        """Modules all of whose names the module imports."""
        return [
            Name(_absolute(one, self.name), "")
            for one in self.tree.body
            if isinstance(one, ast.ImportFrom) and one.names[0].name == "*"
        ]

    @cached_property
    def always(self) -> list[Name]:
        """The effects of importing the module and the packages round it."""
        parents = self.name.split(".")[:-1]
        around = [Name(".".join(parents[: n + 1]), "!") for n in range(len(parents))]
        return [Name(self.name, "!"), *around]

    def statements(self, name: str) -> list[ast.stmt]:
        """Statements that define ``name``; all for "", those with an effect of their own for "!".

        Of a name that the module imports, its import is one.
        """
        if name == "":
            return [one for one in self.tree.body if not is_text(one)]
        if name == "!":
            return [one for one in self.tree.body if has_effect(one)]
        target = self.imports.get(name)
        imported = [] if target is None else [_import_statement(target)]
        return [*imported, *self.bindings.get(name, [])]

    def absolute(self, name: str) -> str:
        """A dotted name; one with leading dots is counted from the module's package."""
        bare = name.lstrip(".")
        return _counted(len(name) - len(bare), bare, self.name)

    def names_in(self, statement: ast.stmt) -> list[Name]:
        """Definitions that a statement of this module uses."""
        inside = local_imports(statement)
        local = _imports(inside, self.name)
        found = [*self.stars, *(Name(module, "!") for module in _loaded(inside, self.name))]
        if statement in inside:
            found += [one for target in local.values() for one in used(target, ())]
        found += [Name(self.absolute(module), "") for module in named_in_calls(statement)]
        for chain in chains(statement):
            first = chain[0]
            target = local.get(first) or self.imports.get(first)
            if target is not None:
                found += used(target, chain[1:])
            if first in self.bindings and first not in local:
                found.append(Name(self.name, first))
        return found


@cache
def read_module(name: str) -> Module | None:
    """A module of the project, or of a package that is not installed but lies in a folder.

    None for the standard library and for installed packages. Raises HeadwaterError when it is no
    Python, and when it was edited while this process ran, which may have loaded what stood there
    before.
    """
    path = source_of(name)
    if path is None:
        return None
    return Module(name, module_tree(path, unedited(path)))


def module_tree(path: Path, source: bytes) -> ast.Module:
    """The tree of a file's ``source``. Raises HeadwaterError naming the line that is no Python."""
    try:
        return ast.parse(source)
    except UNPARSED as error:
        line = getattr(error, "lineno", None)
        place = f"{path}, line {line}" if line else str(path)
        said = getattr(error, "msg", None) or error
        raise HeadwaterError(f"{place}: {type(error).__name__}: {said}; mend it") from error


def unedited(path: Path) -> bytes:
    """Source text that is older than this process. Raises HeadwaterError where it is not."""
    _refuse_younger(path)
    COUNTED.add(path)
    return path.read_bytes()


def refuse_edited() -> None:
    """Raise HeadwaterError when code that was counted here was edited since.

    What imported it later, as another process does, ran with other code than was counted.
    """
    for path in sorted(COUNTED):
        if path.is_file():
            _refuse_younger(path)


def is_edited(path: Path) -> bool:
    """True for a file that was written since this process started.

    A time to come is that of another clock, or of this one before it was set back: it says nothing.
    """
    return STARTED_NS < path.stat().st_mtime_ns <= time.time_ns()


def _refuse_younger(path: Path) -> None:
    if is_edited(path):
        raise HeadwaterError(f"{path}: was edited while it was in use; run again")


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


def import_targets(statements: Iterable[ast.stmt], module: str) -> list[Name]:
    """Names that a module's imports bring: definitions, or whole modules for ``import *``."""
    targets = []
    for statement in statements:
        if isinstance(statement, ast.Import):
            targets += [Name(alias.name, "") for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            source = _absolute(statement, module)
            names = (alias.name for alias in statement.names)
            targets += [Name(source, "" if name == "*" else name) for name in names]
    return targets


def used(target: Name, chain: tuple[str, ...]) -> list[Name]:
    """The definition that a dotted use of an imported name means, last.

    Before it the effects of importing the modules that only pass it on.
    """
    *passing, meant = passed_on(target)
    for part in chain:
        if meant.name:
            break
        *more, meant = passed_on(Name(meant.module, part))
        passing += more
    return [*(Name(one.module, "!") for one in passing), meant]


def passed_on(target: Name) -> list[Name]:
    """An imported name and those that it stands for in turn; last its definition or its module."""
    path = [target]
    while (source := _source(path[-1])) is not None and source not in path:
        path.append(source)
    return path


def _source(target: Name) -> Name | None:
    """A name that this one stands for: what its module imports, or a submodule; None for others."""
    module = read_module(target.module)
    if not target.name or (module is not None and target.name in module.bindings):
        return None
    source = None if module is None else module.imports.get(target.name)
    if source not in (None, target):
        return source
    within = Name(f"{target.module}.{target.name}", "")
    return None if source_of(within.module) is None else within


def _loaded(statements: Iterable[ast.stmt], module: str) -> set[str]:
    """Modules that imports in ``module`` load, with those that these pass on."""
    targets = import_targets(statements, module)
    return {one.module for target in targets for one in passed_on(target)}


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
                if alias.name != "*":
                    bound[alias.asname or alias.name] = Name(source, alias.name)
    return bound


def _absolute(statement: ast.ImportFrom, module: str) -> str:
    """The dotted module of a ``from`` import, relative ones counted from ``module``."""
    return _counted(statement.level, statement.module or "", module)


def _counted(level: int, name: str, module: str) -> str:
    """A dotted name, ``level`` packages up from ``module``; 0 for one that is absolute."""
    if not level:
        return name
    path = source_of(module)
    inside = path is not None and path.name == "__init__.py"
    parts = module.split(".")
    parts = parts[: len(parts) - level + inside]
    return ".".join([*parts, *([name] if name else [])])


def _import_statement(target: Name) -> ast.stmt:
    return ast.ImportFrom(target.module, [ast.alias(target.name or "*")], 0)
