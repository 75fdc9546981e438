"""The code that a result depends on, as one hash: the definitions that are executed, no others.

Fingerprints go over definitions, not over files: from the functions that compute a result, through
every name that they use, to the functions, classes and constants behind these names, in all depth.
Docstrings, comments and the layout of the text do not count. Installed packages count by their
version.

Code of others that is not installed but lies in a folder may be of any form: made by functions,
registered, imported where it runs. There every file counts, and all that it imports from here.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any, Final

from headwater.artifacts.ids import canonical_json, sha256_hex
from headwater.artifacts.manifest import sha256_of_file
from headwater.artifacts.modules import (
    COUNTED,
    OURS,
    UNPARSED,
    Module,
    Name,
    import_targets,
    read_module,
    source_of,
    top_folder,
    unedited,
    used,
)
from headwater.artifacts.syntax import local_imports, normal, whose_files
from headwater.errors import HeadwaterError

# Parameters that matter enter a key by value; runners start a step and do not enter its bytes.
NOT_FOLLOWED: Final = frozenset(
    {
        "headwater.config",
        "tasks.arrivals",
        "tasks.command",
        "tasks.console",
        "tasks.lifeline",
        "tasks.recorded_code",
        "tasks.training_progress",
        "tasks.worker",
        "tasks.workers",
    }
)

# Files that systems and editors leave, and those for git.
_OF_TOOLS: Final = re.compile(r"\.DS_Store|\.coverage|\.git\w+|\..*\.sw[a-p]")


@dataclass(frozen=True)
class Code:
    """code: SHA-256 over all definitions used. packages: version of each package used, by name."""

    code: str
    packages: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """The entries of a key."""
        return {"code": self.code, "packages": self.packages}


@dataclass(frozen=True)
class Home:
    """The module that defines an object, and the folder of all its code where it is of others."""

    module: str
    folder: Path | None = None


def code_of_object(home: Home, functions: Iterable[Callable[..., Any]]) -> Code:
    """Code that calling ``functions`` of an object executes, whatever they are.

    Of ours it is the code of these functions, and of the whole module for one that is none of its
    definitions (a lambda, a partial, one that another made). Of others it is all of their code.
    """
    whole = Name(home.module, "")
    if home.module.partition(".")[0] not in OURS:
        return code_of(frozenset({whole}), home.folder)
    return code_of(frozenset(_of_class(one) or _defined(one) or whole for one in functions))


def code_of_functions(functions: Iterable[Callable[..., Any]]) -> Code:
    """Code that calling ``functions`` executes; lambdas, whose values enter keys, are left out.

    A function within another, or a method, stands for the definition round it: what it was made
    with enters the key by value. Raises HeadwaterError for one that no module defines.
    """
    roots = set()
    for function in functions:
        owner = type(function.__self__) if inspect.ismethod(function) else None
        own = getattr(getattr(function, "__code__", None), "co_qualname", "")
        if own.endswith("<lambda>"):
            continue
        name = _of_class(function) or _defined(owner or function)
        if name is None and owner is None and own == getattr(function, "__qualname__", None):
            name = Name(_module_name(function), own.partition(".")[0])
        if name is None:
            raise HeadwaterError(
                f"{function!r} cannot be followed to its code; define it at the top of a module"
            )
        roots.add(name)
    return code_of(frozenset(roots))


def _of_class(function: Callable[..., Any]) -> Name | None:
    """The class that a class method is bound to, which may have inherited it."""
    owner = getattr(function, "__self__", None)
    return _defined(owner) if inspect.ismethod(function) and inspect.isclass(owner) else None


def _defined(value: Any) -> Name | None:
    """The top-level definition that a function or a class is or is part of.

    None where its name leads to something else: a decorator may have given it another's.
    """
    name = getattr(value, "__qualname__", "")
    reached: Any = sys.modules.get(getattr(value, "__module__", None) or "")
    for part in name.split("."):
        reached = getattr(reached, part, None)
    return Name(_module_name(value), name.partition(".")[0]) if reached is value else None


def _module_name(function: Any) -> str:
    """Dotted name of a function's module, from its file where it runs as ``__main__``."""
    if function.__module__ != "__main__":
        return str(function.__module__)
    file = Path(inspect.getfile(function)).resolve()
    package = file.parent
    parts = [file.stem]
    while (package / "__init__.py").is_file():
        parts.append(package.name)
        package = package.parent
    return ".".join(reversed(parts))


@cache
def code_of(roots: frozenset[Name], folder: Path | None = None) -> Code:
    """Code that the definitions ``roots`` execute, and that of others in their ``folder``.

    Raises LookupError for a definition that is not there.
    """
    for root in roots:
        module = read_module(root.module)
        if root.name and (module is None or not module.statements(root.name)):
            raise LookupError(f"{root.module} has no {root.name}")
    # Of others all code counts, whichever of its functions is meant: that is told by the names.
    pieces = {f"root {root.module}:{root.name}": "" for root in roots}
    packages: set[str] = set()
    known: set[Name] = set()
    waiting = list(roots)
    if folder is not None:
        waiting += _take_folder(folder, folder, pieces)
    while waiting:
        name = waiting.pop()
        if name in known or name.module in NOT_FOLLOWED:
            continue
        known.add(name)
        top = name.module.partition(".")[0]
        place = top_folder(top)
        if place is None:
            packages.add(top)
        elif top in OURS:
            own, used_there = _taken(name)
            pieces |= own
            waiting += used_there
        elif (whole := Name(top, "")) not in known or name == whole:
            known.add(whole)
            if folder is None or not place.is_relative_to(folder):
                waiting += _take_folder(place, place.parent, pieces)
    versions = dict(sorted(pair for top in packages for pair in _versions(top)))
    return Code(sha256_hex(canonical_json(pieces).encode()), versions)


@cache
def _taken(name: Name) -> tuple[dict[str, str], tuple[Name, ...]]:
    """Hashes of a definition's code and of files that it reads, and the names that it uses."""
    module = read_module(name.module)
    if module is None:
        return {}, ()
    pieces: dict[str, str] = {}
    statements, names = module.statements(name.name), list(module.always)
    if not statements and name.name not in ("", "!"):
        # A name that is made at run time, or one that every module has.
        names.append(Name(name.module, ""))
    for number, statement in enumerate(statements):
        pieces[f"{name.module}:{name.name}:{number}"] = sha256_hex(normal(statement).encode())
        names += module.names_in(statement)
        for package in whose_files(statement):
            pieces |= _data_files(module.absolute(package))
    return pieces, tuple(dict.fromkeys(names))


def _data_files(package: str) -> dict[str, str]:
    """SHA-256 of the files of a package that are no code; {} for one that is installed."""
    place = source_of(package)
    folder = None if place is None else place.parent
    files = [] if folder is None else files_below(folder)
    return {
        f"{package}/{path.relative_to(folder).as_posix()}": sha256_of_file(path)
        for path in files
        if folder is not None and path.suffix != ".py"
    }


def _take_folder(place: Path, root: Path, pieces: dict[str, str]) -> list[Name]:
    """Put all files of a package, a module or a folder into ``pieces``; what they import.

    root: the folder from which its modules are imported.
    """
    names: list[Name] = []
    for path in files_below(place) if place.is_dir() else [place.with_name(f"{place.name}.py")]:
        inside = path.relative_to(root)
        tree = parsed(unedited(path)) if path.suffix == ".py" else None
        pieces[inside.as_posix()] = _hash(path, tree)
        if tree is None:
            continue
        dotted = [part for part in inside.with_suffix("").parts if part != "__init__"]
        module = Module(".".join(dotted), tree)
        targets = import_targets(local_imports(tree), module.name)
        names += [one for target in targets for one in used(target, ())]
        names += [
            one
            for statement in tree.body
            for one in module.names_in(statement)
            if one.module != module.name
        ]
    return names


def sha256_of_code(path: Path) -> str:
    """SHA-256 of a file; of Python, of its code without comments, docstrings and layout."""
    return _hash(path, parsed(path.read_bytes()) if path.suffix == ".py" else None)


def parsed(text: str | bytes) -> ast.Module | None:
    """The syntax tree of Python code; None where it has none."""
    try:
        return ast.parse(text)
    except UNPARSED:
        return None


def _hash(path: Path, tree: ast.Module | None) -> str:
    """SHA-256 of a file's code, of its bytes where it is none."""
    return sha256_of_file(path) if tree is None else sha256_hex(normal(tree).encode())


def files_below(folder: Path) -> list[Path]:
    """Files below a folder in order, without hidden folders, Python's own and those of tools.

    Raises HeadwaterError for a link to a folder: what it holds would not count.
    """
    files = []
    for path in sorted(folder.rglob("*")):
        *folders, name = path.relative_to(folder).parts
        if any(one.startswith(".") or one == "__pycache__" for one in folders):
            continue
        if path.is_file():
            if not _OF_TOOLS.fullmatch(name):
                files.append(path)
        elif path.is_symlink() and not name.startswith("."):
            raise HeadwaterError(
                f"{path}: is a link to a folder or to nothing, which DVC does not follow; "
                "put what it means there itself"
            )
    return files


def forget() -> None:
    """Read all source files anew the next time."""
    for cached in (code_of, _taken, read_module, source_of, top_folder):
        cached.cache_clear()
    COUNTED.clear()


@cache
def _versions(top: str) -> tuple[tuple[str, str], ...]:
    """Name and version of the distributions that bring a top-level package."""
    if top in sys.stdlib_module_names:
        return ()
    try:
        return ((top, version(top)),)
    except (PackageNotFoundError, ValueError):
        return tuple((name, version(name)) for name in sorted(set(_distributions().get(top, ()))))


@cache
def _distributions() -> Mapping[str, list[str]]:
    # Reads the file list of every package: half a second.
    return packages_distributions()
