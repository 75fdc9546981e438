"""Systems and challenges from outside the repository: the packages that hold them, imported once.

They are installed packages with an entry point of the group ``headwater.systems``, and packages in
the folders that ``plugins`` in ``params.yaml`` names. Whatever their code raises at its import
becomes one sentence, and the other packages are known all the same.
"""

import ast
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

from headwater.artifacts.code import files_below, parsed
from headwater.artifacts.regular_files import regular_bytes
from headwater.artifacts.syntax import local_imports
from headwater.config import Params
from headwater.errors import HeadwaterError

GROUP: Final = "headwater.systems"
# The folder below data/plugins of a build without any.
RESERVED: Final = frozenset({"own"})
HOLDS: Final = ("SYSTEM", "CHALLENGE")
# Packages of helpers and tests beside them are left alone.
_MAY_HOLD = re.compile(rb"\b(SYSTEM|CHALLENGE)\b|import +\*")
_MAX_BYTES: Final = 2**24
_MAX_REASON: Final = 300


@dataclass(frozen=True)
class Outside:
    """modules: with a SYSTEM or a CHALLENGE. faults: a sentence for each that cannot be used."""

    modules: tuple[ModuleType, ...]
    faults: tuple[str, ...]


def from_outside(params: Params, project: Path) -> Outside:
    """All packages with systems or challenges from outside, in order."""
    modules: list[ModuleType] = []
    faults: list[str] = []
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    for source, name, folder in [
        *((f"entry point {point.name} of {GROUP}", point.module, None) for point in points),
        *_of_plugins(params, project, faults),
    ]:
        module = _imported(source, name, folder)
        if isinstance(module, str):
            faults.append(module)
        elif any(hasattr(module, one) for one in HOLDS):
            modules.append(module)
    return Outside(tuple(modules), tuple(faults))


def _of_plugins(
    params: Params, project: Path, faults: list[str]
) -> list[tuple[str, str, Path | None]]:
    """Source, name and folder of every package in the folders of ``plugins``."""
    packages: list[tuple[str, str, Path | None]] = []
    for name, text in params.plugins.items():
        source = f"params.yaml: plugins.{name}"
        if name in RESERVED:
            faults.append(f"{source}: the name {name!r} is taken by Headwater; write another one")
            continue
        try:
            folder = _folder(text, project)
            packages += [(source, package, folder) for package in _packages(folder)]
        except HeadwaterError as error:
            faults.append(f"{source} is {text!r}{error}")
    return packages


def _folder(text: str, project: Path) -> Path:
    """The folder that ``plugins`` names. Raises HeadwaterError, the end of a sentence."""
    if text.startswith("~"):
        raise HeadwaterError(", but DVC knows no ~; write the path in full")
    try:
        folder = (project / text).resolve()
        if not folder.is_dir():
            raise HeadwaterError(", but there is no such folder; mend the path or take it out")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise HeadwaterError(f", which is no path ({reason}); mend it or take it out") from error
    return folder


def _packages(folder: Path) -> list[str]:
    """Names of the packages in a folder that may hold a system or a challenge."""
    beside = [one.name for one in pkgutil.iter_modules([str(folder)]) if one.ispkg]
    try:
        names = [name for name in beside if _MAY_HOLD.search(_source(folder / name))]
    except OSError as error:
        raise HeadwaterError(
            f", where a file cannot be read ({error}); mend or remove it"
        ) from error
    if not names:
        raise HeadwaterError(
            f", a folder without a package that has a {' or a '.join(HOLDS)}; name the folder that "
            "such a package lies in"
        )
    return sorted(names)


def _source(package: Path) -> bytes:
    return regular_bytes(package / "__init__.py", _MAX_BYTES)


@cache
def _imported(source: str, name: str, folder: Path | None) -> ModuleType | str:
    """A package imported by its own name, from ``folder`` if one is given; or why it is not."""
    if folder is not None:
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
        try:
            taken = _taken(name, folder)
        except HeadwaterError as error:
            return f"{source}: {error}"
        if taken is not None:
            return f"{source}: {folder / taken}: there is a package of this name already; rename it"
        # A folder that DVC watches must not change by being read: by this process, whose functions
        # import more of it later, nor by those that it starts.
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        return import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  sys.exit() at import too
        reason = " ".join(str(error).split())[:_MAX_REASON]
        said = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        return f"{source}: {_place(error, name, folder)}: {said}; mend it or take it out"


def _taken(package: str, folder: Path) -> str | None:
    """A module of a folder whose name would import another: the package, or one that it uses.

    Raises HeadwaterError for a link in the folder.
    """
    files = [one for one in files_below(folder) if one.suffix == ".py"]
    used, left = {package}, [package]
    while left:
        places = (folder / f"{left[-1]}.py", folder / left.pop())
        inside = [one for one in files if one in places or places[1] in one.parents]
        beside = {one for one in _imported_names(inside) if _is_beside(one, folder)}
        left += beside - used
        used |= beside
    return next((one for one in (package, *sorted(used)) if not _is_own(one, folder)), None)


def _is_beside(name: str, folder: Path) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def _is_own(name: str, folder: Path) -> bool:
    """True where importing a name takes the module of this folder."""
    try:
        spec = find_spec(name)
    except ValueError:  # of a module that was made by hand
        return False
    return spec is not None and Path(spec.origin or "").parent in (folder, folder / name)


def _imported_names(files: Iterable[Path]) -> set[str]:
    """Top-level names that code imports, wherever it does."""
    names = set()
    for path in files:
        tree = parsed(path.read_bytes())
        for one in [] if tree is None else local_imports(tree):
            if isinstance(one, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in one.names}
            elif isinstance(one, ast.ImportFrom) and not one.level and one.module:
                names.add(one.module.partition(".")[0])
    return names


def _place(error: BaseException, name: str, folder: Path | None) -> str:
    """File and line of the package's own code that an error comes from."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return f"{error.filename}, line {error.lineno}"
    ours = (__file__, import_module.__code__.co_filename)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in ours and not frame.filename.startswith("<frozen")
    ]
    if not frames:
        return str(folder / name if folder else name)
    own = folder or Path(frames[0].filename).parent
    last = [frame for frame in frames if Path(frame.filename).is_relative_to(own)][-1:]
    return f"{(last or frames)[-1].filename}, line {(last or frames)[-1].lineno}"
