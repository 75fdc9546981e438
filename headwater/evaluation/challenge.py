"""A challenge as one object: questions with known answers, scores, baselines and pictures."""

import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import headwater.evaluation
from headwater.artifacts.columns import TableSchema


class Unanswered(Exception):
    """A system has no answer to a question; its text is the reason."""


@dataclass(frozen=True)
class Question:
    """One input with a known answer.

    key: names the question among those about its subject in a test set; subject: identifier
    (``item_id``) of what is shown, by which intervals are drawn. conditions: what of the question
    the error may depend on, finite numbers or text.
    looked_at: pictures may be made of the answer. content: the challenge's own. unanswerable: why
    it is put to nobody and counts as a failure of all, as a photo in which no face was detected.
    """

    test_set: str
    subject: str
    key: str
    conditions: Mapping[str, float | int | str]
    content: Any
    looked_at: bool = False
    unanswerable: str | None = None


@dataclass(frozen=True)
class Metric:
    """A figure of merit of an answer: its column, its words, its unit ("" for none)."""

    name: str
    label: str
    unit: str
    lower_is_better: bool = True


@dataclass(frozen=True)
class Stratum:
    """A condition by which the headline error is split into bins.

    place(conditions): the number that is binned, None for questions that do not count. edges: of
    the bins, in order; every number is a bin of its own where there are none.
    """

    name: str
    label: str
    place: Callable[[Mapping[str, Any]], float | None]
    edges: tuple[float, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A picture of an answer: its words, and PNG bytes."""

    name: str
    png: bytes


@dataclass(frozen=True)
class Scored:
    """Scores of an answer: metrics by name, and ``detail`` for what a challenge makes of it.

    values: finite, the headline among them; metrics that the answer does not have are left out.
    """

    values: Mapping[str, float]
    detail: Any = None


@dataclass(frozen=True)
class Judged:
    """A question, by whom it was answered, and how well: ``values``, or a reason for none.

    answer and detail are kept of questions that are looked at.
    """

    question: Question
    system: str
    size: str | None
    values: Mapping[str, float]
    failure: str | None = None
    answer: Any = None
    detail: Any = None


@dataclass(frozen=True)
class Score:
    """One metric of one answer; value: None where the answer lacks it, or failed (failure)."""

    challenge: str
    system: str
    size: str | None
    test_set: str
    subject: str
    question: str
    conditions: Mapping[str, Any]
    metric: str
    value: float | None
    failure: str | None


Answerer = Callable[[Any], Any]
Counter = Callable[[int], None]
Figures = dict[str, float | int]


@dataclass(frozen=True)
class Challenge:
    """A kind of system: its questions, and the judgement of its answers.

    learns, reads, photographed: tables that baselines learn from (split "train"), that questions
    come from (split "test"), and that show the user's own photos. questions(data),
    count(data): those below the folder, in order, and their number. score(question, answer):
    raises Unanswered. metrics: the first is the headline. baselines(data): answers without
    training, by name. pictures(question, answer): to look at. listed: figures, by their names, that
    stand for a system where only one line of it is shown, instead of the headline.

    Instead of the usual: figures(system, own, baselines) of scores; chosen(): names of those that
    builds are compared by, a dozen at most. Beside it: extras(data, out, judged, baselines) writes
    more about answers that are looked at, and photos(system, answer, data, out, progress) answers
    for the user's photos; both return more figures.
    """

    name: str
    title: str
    about: str
    metrics: tuple[Metric, ...]
    questions: Callable[[Path], Iterator[Question]]
    count: Callable[[Path], int]
    score: Callable[[Question, Any], Scored]
    baselines: Callable[[Path], Mapping[str, Answerer]]
    learns: tuple[TableSchema, ...] = ()
    reads: tuple[TableSchema, ...] = ()
    photographed: tuple[TableSchema, ...] = ()
    strata: tuple[Stratum, ...] = ()
    listed: tuple[Metric, ...] = ()
    pictures: Callable[[Question, Any], list[Picture]] | None = None
    figures: Callable[[str, Sequence[Score], Sequence[Score]], Figures] | None = None
    chosen: Callable[[], tuple[str, ...]] | None = None
    extras: Callable[[Path, Path, Sequence[Judged], Sequence[Score]], Figures] | None = None
    photos: Callable[[str, Answerer, Path, Path, Counter | None], Figures] | None = None

    @property
    def headline(self) -> Metric:
        """The metric that systems are compared by."""
        return self.metrics[0]

    @property
    def leading(self) -> Metric:
        """The figure that a system is listed by before all others."""
        return (*self.listed, *self.metrics)[0]

    @property
    def words(self) -> dict[str, Any]:
        """Names, units and bins of its scores, and its own title and description, JSON-able."""
        strata = [(one.name, one.label, one.edges) for one in self.strata]
        metrics = [asdict(one) for one in self.metrics]
        return {"title": self.title, "about": self.about, "metrics": metrics, "strata": strata}


def own_challenges() -> dict[str, Challenge]:
    """The project's challenges by name: a package beside this file each."""
    package = headwater.evaluation
    names = [one.name for one in pkgutil.iter_modules(package.__path__) if one.ispkg]
    modules = [import_module(f"{package.__name__}.{name}") for name in sorted(names)]
    return {module.CHALLENGE.name: module.CHALLENGE for module in modules}
