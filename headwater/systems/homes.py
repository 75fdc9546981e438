"""The modules that define systems and challenges, with the folders that hold the code of others."""

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import headwater.evaluation
import headwater.systems
from headwater.artifacts.code import Home, code_of_object
from headwater.config import Params
from headwater.systems.outside import from_outside

# There too in a build without systems from outside, whose stages depend on the folder above.
OUTSIDE: Final = Path("data/plugins/own/files.json")


def home_of_system(name: str, params: Params, project: Path) -> Home:
    """Home of the system of this name. Raises LookupError where there is none."""
    return _home("SYSTEM", name, params, project)


def home_of_challenge(name: str, params: Params, project: Path) -> Home:
    """Home of the challenge of this name. Raises LookupError where there is none."""
    return _home("CHALLENGE", name, params, project)


def outside_text(params: Params, project: Path) -> str:
    """JSON of the code of every package with systems or challenges from outside, by its name."""
    modules = from_outside(params, project).modules
    homes = [Home(one.__name__, _folder(one, params, project)) for one in modules]
    codes = {home.module: code_of_object(home, ()).as_json() for home in homes}
    return json.dumps(codes, indent=1, sort_keys=True) + "\n"


def _home(attribute: str, name: str, params: Params, project: Path) -> Home:
    for module in (*_own(), *from_outside(params, project).modules):
        if getattr(getattr(module, attribute, None), "name", None) == name:
            return Home(module.__name__, _folder(module, params, project))
    raise LookupError(f"no {attribute} is named {name}")


def _own() -> Iterator[ModuleType]:
    for package in (headwater.systems, headwater.evaluation):
        for one in pkgutil.iter_modules(package.__path__):
            if one.ispkg:
                yield import_module(f"{package.__name__}.{one.name}")


def _folder(module: ModuleType, params: Params, project: Path) -> Path | None:
    """The folder of ``plugins`` that a module lies in."""
    file = Path(module.__file__ or "")
    folders = [(project / one).resolve() for one in params.plugins.values()]
    return next((one for one in folders if one in file.parents), None)
