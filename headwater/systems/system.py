"""A published system as one object: its name, settings, training and answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from headwater.artifacts.columns import TableSchema
from headwater.training.run import Config, Curve, Run

if TYPE_CHECKING:
    from headwater.data.face_maps import MapSize

    # A training must not depend on how its claims are judged.
    from headwater.evaluation.claims import Claim
    from headwater.evaluation.heads.answer import Sources


@dataclass(frozen=True)
class Published:
    """Figures of the paper, the system's own first.

    unit, data: of all of them. about: how they were measured. columns: of the rows, each a
    method's name and its figures, None where there is none.
    """

    unit: str
    data: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]


@dataclass(frozen=True)
class System:
    """A system; its functions import what is heavy themselves, so that the object comes at once.

    name: of its folder. title: as people know it; reference: address of the paper. challenge: its
    name. sizes: configs by size, the smallest first. steps(config): optimiser steps of a training.
    reads(config): tables that training reads. train(config, data, run, weights): from the tables
    below ``data`` to the file ``weights``; returns the curve. load(weights, config, device): the
    trained model, with the settings for answers of ``config``. answer(model, question): the
    challenge's answer; raises ``Unanswered``. prepared(config, project): the config with the user's
    files that it names checked and hashed; raises HeadwaterError. paper: its own figures.
    claims(model, data, subjects, progress): what the paper claims, measured on held-out subjects
    below ``data``, on all of them for None. photos(config): True where training reads rows of the
    user's photos, which none of the project's does without it. map_size(config): of the maps that a
    training reads, where it reads any. sources(model, question): pictures
    and meshes that an answer of a system for heads comes from, to be shown.
    """

    name: str
    title: str
    reference: str
    challenge: str
    sizes: Mapping[str, Config]
    steps: Callable[[Any], int]
    reads: Callable[[Any], tuple[TableSchema, ...]]
    train: Callable[[Any, Path, Run, Path], Curve]
    load: Callable[[Path, Any, Literal["cpu", "cuda"]], Any]
    answer: Callable[[Any, Any], Any]
    prepared: Callable[[Any, Path], Any] | None = None
    paper: Published | None = None
    claims: (
        Callable[[Any, Path, int | None, Callable[[int, int], None]], "Sequence[Claim]"] | None
    ) = None
    photos: Callable[[Any], bool] | None = None
    map_size: "Callable[[Any], MapSize] | None" = None
    sources: "Callable[[Any, Any], Sources] | None" = None
