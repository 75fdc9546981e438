"""The last words of a build: where the report is, and the main figures."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headwater.config import load_params
from headwater.errors import HeadwaterError
from headwater.evaluation.summary import figures_in_words, headline_in_words
from headwater.systems import known_challenges
from headwater.upkeep.recorded import LOCK, Output, md5_of
from headwater.upkeep.repair import read_record

REPORT = Path("data/report/index.html")
EVALUATIONS, PHOTOS = "data/evaluate", "data/reconstruct"
BASELINES = f"{EVALUATIONS}/baselines"
FIGURES = "metrics.json"


def shown_files(project: Path) -> list[Path]:
    """Files that the last words name or take figures from."""
    places = {BASELINES: f"*/*/{FIGURES}", EVALUATIONS: f"*/{FIGURES}", PHOTOS: f"*/{FIGURES}"}
    figures = [path for at, form in places.items() for path in sorted((project / at).glob(form))]
    return [path for path in (project / REPORT, *figures) if path.is_file()]


def main_figures(project: Path) -> list[str]:
    """Lines that name the report, and the headline of every built system and its baselines.

    Raises HeadwaterError when a file is not, byte for byte, what was recorded.
    """
    files = read_record(project).files
    contents = {path: _as_recorded(project, path, files) for path in shown_files(project)}
    lines = [f"report: {project / REPORT}"] if project / REPORT in contents else []
    figures = {
        path.parent.relative_to(project).as_posix(): json.loads(content)
        for path, content in contents.items()
        if path.name == FIGURES
    }
    rows = list(_rows(project, figures))
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for challenge, name, words in rows:
        lines.append(f"{challenge:<{widths[0]}}  {name:<{widths[1]}}  {words}")
    return lines


def _rows(
    project: Path, figures: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """Challenge, name and words of everything that has figures, by the folder that holds them."""
    params = load_params(project / "params.yaml")
    challenges = known_challenges(params, project)
    for name in sorted(set(params.build.values())):
        challenge = challenges[name]
        places = [place for place in figures if place.startswith(f"{BASELINES}/{name}/")]
        systems = [system for system, answers in params.build.items() if answers == name]
        for place in [*places, *(f"{EVALUATIONS}/{system}" for system in systems)]:
            if place in figures:
                words = headline_in_words(challenge, figures[place]) or "no figure"
                yield name, place.rpartition("/")[2], words
        for system in systems:
            if photos := figures.get(f"{PHOTOS}/{system}"):
                yield name, system, f"photos: {figures_in_words(photos)}"


def _as_recorded(project: Path, path: Path, files: Mapping[str, tuple[str, Output]]) -> bytes:
    name = path.relative_to(project).as_posix()
    content = path.read_bytes()
    if name not in files or md5_of(content) != files[name][0]:
        raise HeadwaterError(f"{name}: is not as {LOCK} records it; run again")
    return content
