"""The page of a system: its settings, each with its description, and its paper's figures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.systems.settings import config_of, settings_of
from headwater.systems.system import System

NO_DESCRIPTION: Final = "(no description: its field has no string below it)"


@dataclass(frozen=True)
class SettingLine:
    """name: dotted, below ``overrides``. value: as ``params.yaml`` takes it. about: description."""

    name: str
    value: str
    about: str


def settings_table(
    system: System, size: str | None, params: Params, project: Path
) -> RenderableType:
    """All settings of a size, that of the parameters when None, with the parameters' overrides.

    Below them stand the figures of the system's paper, if it has some. Raises HeadwaterError for a
    size or an override that the system does not have.
    """
    settings = settings_of(system, params)
    if size is not None and size not in system.sizes:
        raise HeadwaterError(
            f"--size {size}: the sizes of {system.name} are {', '.join(system.sizes)}"
        )
    if size is not None:
        settings = settings.model_copy(update={"size": size})
        params = params.model_copy(update={"systems": {**params.systems, system.name: settings}})
    lines = settings_lines(config_of(system, params, project))
    table = Table(box=None, pad_edge=False)
    for name in ("setting", "value", "description"):
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(Text(line.name), Text(line.value), Text(line.about))
    title = Text(f"{system.title}, size {settings.size}: {_how_to_set(system, lines)}")
    return Group(title, table, *_published(system))


def _how_to_set(system: System, lines: Sequence[SettingLine]) -> str:
    if not lines:
        return "it has no settings"
    key = f"systems.{system.name}.overrides"
    example = max(lines, key=lambda line: line.name == "learning_rate").name
    return f"set any of them in params.yaml below {key}, as in {key}.{example}"


def _published(system: System) -> list[RenderableType]:
    paper = system.paper
    if paper is None:
        return []
    table = Table(box=None, pad_edge=False)
    for name in ("method", *paper.columns):
        table.add_column(Text(name))
    for method, values in paper.rows:
        table.add_row(Text(method), *("" if one is None else f"{one:g}" for one in values))
    about = (
        f"Figures of its paper, {paper.unit} on {paper.data} ({system.reference}). {paper.about} "
        "They are other numbers on other data: never compare them with figures of a build."
    )
    return [Text(""), Text(about), table]


def settings_lines(config: BaseModel, prefix: str = "") -> list[SettingLine]:
    """A line for every setting of a config, those of its groups by dotted names."""
    lines = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            lines += settings_lines(value, f"{prefix}{name}.")
        else:
            lines.append(SettingLine(prefix + name, _as_yaml(value), _about(field)))
    return lines


def _as_yaml(value: Any) -> str:
    """A value as YAML on one line; text without quotes where it needs none."""
    if isinstance(value, str) and value and yaml.safe_load(value) == value:
        return value
    return json.dumps(value)


def _about(field: FieldInfo) -> str:
    """The description on one line, and the choices where there are some."""
    about = " ".join((field.description or NO_DESCRIPTION).split())
    choices = _choices(field.annotation)
    return f"{about} One of {', '.join(map(str, choices))}." if choices else about


def _choices(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()
