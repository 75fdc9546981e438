"""A section for every challenge of the build without sections of its own: tables, charts, pictures.

All of it follows from the scores and from what the challenge says of its metrics and strata.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from markupsafe import Markup

from headwater.artifacts.evaluate_schemas import PICTURES
from headwater.artifacts.images import decode_png
from headwater.artifacts.tables import Row
from headwater.config import Params
from headwater.evaluation.challenge import Challenge, Metric, Score, Stratum
from headwater.evaluation.scores import read_all
from headwater.evaluation.summary import Bin, bins, interval
from headwater.metrics.intervals import Interval
from headwater.report.charts import Whiskers, whisker_chart
from headwater.report.reading import rows_of_file
from headwater.systems import known_challenges, known_systems
from headwater.viewer.encoding import data_uri

# Shown by the sections of heads, which look at meshes.
ELSEWHERE: Final = frozenset({"heads"})
STYLES: Final = ("a", "b", "c", "d")
PICTURE_PX: Final = 300


@dataclass(frozen=True)
class Line:
    """A system on one test set: each metric with its interval."""

    system: str
    values: list[Interval]
    subjects: int
    failures: int


@dataclass(frozen=True)
class Pictured:
    """The pictures of one answer, each with its words, in the challenge's order."""

    question: str
    subject: str
    pictures: list[tuple[str, str]]


@dataclass(frozen=True)
class ChallengeSection:
    """Contents of a section. tables: by test set; pictures: by system."""

    anchor: str
    title: str
    about: str
    metrics: tuple[Metric, ...]
    tables: list[tuple[str, list[Line]]]
    charts: list[tuple[str, Markup]]
    pictures: list[tuple[str, list[Pictured]]]


def challenge_sections(data: Path, params: Params) -> list[ChallengeSection]:
    """A section of every challenge that a system is built for."""
    challenges = known_challenges(params, data.parent)
    names = sorted(set(params.build.values()) - ELSEWHERE)
    if not names:
        return []
    scores = read_all(data, params.build)
    titles = {one.name: one.title for one in known_systems(params, data.parent).values()}
    return [_section(data, challenges[name], scores, titles) for name in names]


def _section(
    data: Path, challenge: Challenge, scores: Sequence[Score], titles: Mapping[str, str]
) -> ChallengeSection:
    own = [score for score in scores if score.challenge == challenge.name]
    sets = list(dict.fromkeys(score.test_set for score in own))
    first = [score for score in own if score.test_set == sets[0]] if sets else []
    return ChallengeSection(
        f"challenge-{challenge.name}",
        challenge.title,
        challenge.about,
        challenge.metrics,
        [
            (name, _lines(challenge, [s for s in own if s.test_set == name], titles))
            for name in sets
        ],
        [(one.label, _chart(challenge, one, first, titles)) for one in challenge.strata],
        _pictures(data, own, titles),
    )


def _lines(challenge: Challenge, scores: Sequence[Score], titles: Mapping[str, str]) -> list[Line]:
    lines = []
    for named in _systems(scores):
        own = [score for score in scores if (score.system, score.size) == named]
        main = [score for score in own if score.metric == challenge.headline.name]
        lines.append(
            Line(
                _label(*named, titles),
                [interval(s for s in own if s.metric == one.name) for one in challenge.metrics],
                len({score.subject for score in main if score.value is not None}),
                sum(score.failure is not None for score in main),
            )
        )
    return lines


def _chart(
    challenge: Challenge, stratum: Stratum, scores: Sequence[Score], titles: Mapping[str, str]
) -> Markup:
    found: dict[str, dict[str, Bin]] = {}
    for named in _systems(scores):
        own = [score for score in scores if (score.system, score.size) == named]
        members = {one.name: one for one in bins(challenge, stratum, own)}
        found[_label(*named, titles)] = members
    places = {one.name: one.place for members in found.values() for one in members.values()}
    labels = sorted(places, key=lambda name: places[name])
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    series = [
        Whiskers(
            system,
            [members[name].value if name in members else nothing for name in labels],
            STYLES[number % len(STYLES)],
        )
        for number, (system, members) in enumerate(found.items())
    ]
    metric = challenge.headline
    words = f"{metric.label}, {metric.unit}" if metric.unit else metric.label
    about = f"{words} by {stratum.label}, with 95 % intervals"
    return whisker_chart(
        [name.replace("_", " to ") for name in labels], series, stratum.label, words, about
    )


def _pictures(
    data: Path, scores: Sequence[Score], titles: Mapping[str, str]
) -> list[tuple[str, list[Pictured]]]:
    shown = []
    for system, size in _systems(scores):
        path = data / "evaluate" / system / f"{PICTURES.table}.parquet"
        rows = sorted(rows_of_file(path, PICTURES) or [], key=lambda row: int(row["place"]))
        if rows:
            answers = groupby(rows, key=lambda row: (row["question"], row["subject"]))
            groups = [Pictured(*named, [_picture(row) for row in own]) for named, own in answers]
            shown.append((_label(system, size, titles), groups))
    return shown


def _picture(row: Row) -> tuple[str, str]:
    return row["name"], data_uri(decode_png(row["image"]), PICTURE_PX)


def _systems(scores: Sequence[Score]) -> list[tuple[str, str | None]]:
    return list(dict.fromkeys((score.system, score.size) for score in scores))


def _label(system: str, size: str | None, titles: Mapping[str, str]) -> str:
    title = titles.get(system, system.replace("_", " "))
    return f"{title} {size}" if size else title
