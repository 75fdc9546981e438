"""The report: everything below ``data/`` as one HTML page that needs nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.artifacts.figures import FIGURES
from headwater.config import Params
from headwater.evaluation.claims import file_name
from headwater.report.built import built_section, heads_nodes, systems_nodes
from headwater.report.challenges import challenge_sections
from headwater.report.comparison import compare_systems
from headwater.report.counts import StepCount, count_steps, count_views, licences, rejections
from headwater.report.diagram import Node
from headwater.report.evaluation import Evaluation, read_evaluation
from headwater.report.figures import quality_of
from headwater.report.frames import edited_frames, photo_frames, synthetic_frames
from headwater.report.making import making_section
from headwater.report.reading import figures_of
from headwater.report.results import Results, results_section
from headwater.report.shapes import shapes_section
from headwater.report.sheets import edited_cards, photo_cards, synthetic_cards
from headwater.report.summary import summary
from headwater.report.systems import Systems, systems_section
from headwater.systems import known_systems
from headwater.systems.settings import settings_of
from headwater.systems.system import System
from headwater.viewer.model import viewer_model
from headwater.viewer.scripts import viewer_context
from headwater.viewer.templating import render_page
from headwater.viewer.texture import HeadPhoto, photo_texture

HEADS = "heads"
NOTHING = Evaluation(None, None, None, [], [])
PHOTOS, VIEWS, EDITED_PHOTOS, EDITED_HEADS, PORTRAITS = 24, 24, 3, 2, 4


@dataclass(frozen=True)
class Report:
    """The page, and a picture of the reconstructions as PNG bytes (None without any)."""

    html: str
    picture: bytes | None


def build_page(data: Path, params: Params) -> Report:
    """Build the report of the artifacts below the folder ``data``; missing ones are named on it.

    The same files give the same bytes. Raises HeadwaterError when a table is damaged.
    """
    steps = count_steps(data)
    views = count_views(data)
    rejected = rejections(data)
    quality = figures_of(data / "quality" / FIGURES)
    heads = heads_sections(data, params)
    evaluation = heads.evaluation if heads else NOTHING
    nodes = heads.nodes if heads else systems_nodes(data, params.build)
    shapes = shapes_section(evaluation)
    context = {
        "summary": summary(steps, views, rejected, evaluation, heads.system.title if heads else ""),
        "built": built_section(steps, views, rejected, quality, nodes),
        "photos": photo_cards(photo_frames(data, PHOTOS)),
        "photo_count": _count(steps, "ingest", "photo"),
        "view_count": views,
        "synthetic": synthetic_cards(synthetic_frames(data, VIEWS)),
        "edited": edited_cards(edited_frames(data, EDITED_PHOTOS, EDITED_HEADS)),
        "quality": quality_of(quality) if quality is not None else None,
        "results": heads and heads.results,
        "systems": heads and heads.side_by_side,
        "challenges": challenge_sections(data, params),
        "shapes": shapes,
        "making": making_section(params, licences(data)),
        **viewer_context(_viewer_models(evaluation)),
    }
    return Report(render_page("headwater.report", "page.html", context), shapes.picture)


@dataclass(frozen=True)
class Heads:
    """Words of the page on systems for heads. system: the one that is shown first."""

    system: System
    evaluation: Evaluation
    results: Results
    side_by_side: Systems
    nodes: list[Node]


def heads_sections(data: Path, params: Params) -> Heads | None:
    """Sections on the systems for heads of a build; None where it has none."""
    built = [name for name, challenge in params.build.items() if challenge == HEADS]
    if not built:
        return None
    systems = known_systems(params, data.parent)
    first = systems[built[0]]
    evaluation = read_evaluation(data, first.name, PORTRAITS)
    titles = {name: systems[name].title for name in reversed([*built, *systems])}
    compared = compare_systems(data, titles, params.build)
    return Heads(
        first,
        evaluation,
        results_section(evaluation, first, _claims(data.parent, first, params)),
        systems_section(compared),
        heads_nodes(evaluation, compared, first.title),
    )


def _count(steps: Sequence[StepCount], name: str, source: str) -> int:
    return next(step.sources.get(source, 0) for step in steps if step.step == name)


def _viewer_models(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The reconstructed photos, textured with their frames."""
    return [
        viewer_model(
            one.name,
            one.steps or [one.vertices],
            one.faces,
            photo_texture([HeadPhoto(one.image, one.camera)], one.vertices, one.faces),
        )
        for one in evaluation.reconstructions
        if one.kind == "photo"
    ]


def _claims(project: Path, system: System, params: Params) -> Path:
    """File of the system's claims at the size that is built, as the benchmarks write it."""
    name = file_name(system.name, settings_of(system, params).size)
    return project / "benchmarks" / "results" / name
