"""The report: everything below ``data/`` as one HTML page that needs nothing else."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from headwater.config import Params
from headwater.report import formats
from headwater.report.built import built_section
from headwater.report.counts import StepCount, count_steps, count_views, licences, rejections
from headwater.report.evaluation import Evaluation, read_evaluation
from headwater.report.figures import quality_of
from headwater.report.frames import edited_frames, photo_frames, synthetic_frames
from headwater.report.making import making_section
from headwater.report.reading import figures_of
from headwater.report.results import results_section
from headwater.report.shapes import shapes_section
from headwater.report.sheets import edited_cards, photo_cards, synthetic_cards
from headwater.report.summary import summary
from headwater.report.viewer import engine, viewer_model

SYSTEM = "glvd"
PHOTOS, VIEWS, EDITED_PHOTOS, EDITED_HEADS, PORTRAITS = 24, 24, 3, 2, 4


@dataclass(frozen=True)
class Report:
    """The page, and a picture of the reconstructions as PNG bytes (None without any)."""

    html: str
    picture: bytes | None


def build_page(data: Path, params: Params) -> Report:
    """Build the report of what lies below the folder ``data``; what is missing is named on it.

    The same files give the same bytes. Raises HeadwaterError when a table is damaged.
    """
    steps = count_steps(data)
    views = count_views(data)
    rejected = rejections(data)
    evaluation = read_evaluation(data, SYSTEM, PORTRAITS)
    shapes = shapes_section(evaluation)
    quality = figures_of(data / "quality" / "metrics.json")
    context = {
        "summary": summary(steps, views, rejected, evaluation),
        "built": built_section(steps, views, rejected, evaluation, quality),
        "photos": photo_cards(photo_frames(data, PHOTOS)),
        "photo_count": _count(steps, "ingest", "photo"),
        "view_count": views,
        "synthetic": synthetic_cards(synthetic_frames(data, VIEWS)),
        "edited": edited_cards(edited_frames(data, EDITED_PHOTOS, EDITED_HEADS)),
        "quality": quality_of(quality) if quality is not None else None,
        "results": results_section(evaluation),
        "shapes": shapes,
        "making": making_section(params, licences(data)),
        **_scripts(evaluation),
    }
    return Report(_render(context), shapes.picture)


def _count(steps: Sequence[StepCount], name: str, source: str) -> int:
    return next(step.sources.get(source, 0) for step in steps if step.step == name)


def _resource(name: str) -> str:
    return files("headwater.report").joinpath(name).read_text(encoding="utf-8")


def _scripts(evaluation: Evaluation) -> dict[str, object]:
    """The viewer's scripts and data; without reconstructions or three.js there is no viewer."""
    portraits = [one for one in evaluation.reconstructions if one.kind == "photo"]
    library = engine()
    scripts: list[str] = []
    models: str | None = None
    if portraits and library is not None:
        scripts = [library, _resource("viewer.js")]
        text = json.dumps([viewer_model(one) for one in portraits], separators=(",", ":"))
        models = text.replace("<", "\\u003c")
    return {"scripts": scripts, "models": models, "script_hashes": [_hash(s) for s in scripts]}


def _hash(script: str) -> str:
    """The source expression that lets a content security policy admit exactly this script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _render(context: dict[str, object]) -> str:
    environment = Environment(
        loader=PackageLoader("headwater.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formats.FILTERS)
    style = _resource("report.css")
    return environment.get_template("page.html").render(style=style, **context)
