"""All systems at a glance: name, challenge, sizes, training state and headline figure of each."""

import json
from pathlib import Path

from rich.table import Table
from rich.text import Text

from headwater.artifacts.figures import FIGURES
from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.evaluation.summary import headline_in_words
from headwater.systems import challenge_of, sound_challenges, sound_systems, unknown_in_params
from headwater.systems.settings import settings_of
from headwater.systems.stages import WEIGHTS
from headwater.systems.system import System


def listing(params: Params, project: Path) -> tuple[Table, list[str]]:
    """A line for every sound system, the size that is built marked; sentences on the others."""
    table = Table(
        box=None, pad_edge=False, caption="*: the size that is built", caption_justify="left"
    )
    for name in ("name", "title", "challenge", "sizes", "trained", "headline"):
        table.add_column(name, overflow="fold")
    systems, faults = sound_systems(params, project)
    faults += sound_challenges(params, project)[1]
    # What is wrong with a package leaves its systems unknown.
    faults = faults or unknown_in_params(params, systems)
    for system in systems.values():
        try:
            table.add_row(*map(Text, line(system, params, project)))
        except HeadwaterError as error:
            faults.append(str(error))
    return table, faults


def line(system: System, params: Params, project: Path) -> tuple[str, ...]:
    """Name, title, challenge, sizes, whether there are weights, and the headline figure."""
    built = settings_of(system, params).size if system.name in params.build else None
    sizes = " ".join(f"*{size}" if size == built else size for size in system.sizes)
    trained = (project / "data" / "train" / system.name / WEIGHTS).is_file()
    figure = headline(system, params, project) or ""
    return (
        system.name,
        system.title,
        system.challenge,
        sizes,
        "yes" if trained else "no",
        figure if trained or not figure else f"{figure}, of weights that are not there",
    )


def headline(system: System, params: Params, project: Path) -> str | None:
    """The headline figure of the last evaluation with its interval; None where it has none."""
    path = project / "data" / "evaluate" / system.name / FIGURES
    if not path.is_file():
        return None
    figures = json.loads(path.read_text(encoding="utf-8"))
    return headline_in_words(challenge_of(system, params, project), figures)
