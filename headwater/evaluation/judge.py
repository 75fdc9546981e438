"""Questions put to systems and baselines, and their answers judged, the same for all."""

import difflib
import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from numbers import Real
from typing import Any

from headwater.errors import HeadwaterError
from headwater.evaluation.attempt import attempted, blaming
from headwater.evaluation.challenge import (
    Answerer,
    Challenge,
    Counter,
    Judged,
    Question,
    Scored,
    Unanswered,
)
from headwater.evaluation.draws import seed_by


def judge(
    challenge: Challenge,
    questions: Iterable[Question],
    answerers: Mapping[str, Answerer],
    size: str | None = None,
    progress: Counter | None = None,
) -> Iterator[Judged]:
    """Every question answered by all of ``answerers``, in order.

    One that is unanswerable is put to nobody and a failure of all, with its reason. An answer or a
    score that is an exception, and a score that is no finite number or lacks the headline, is a
    failure with its reason. answer: of a copy of a question's content, which it may change; the
    generators that a process shares are seeded by the question. size: of the one system that
    answers. progress is called with 1 after every question.
    Raises HeadwaterError for a score of a metric that the challenge does not have, and StepFault
    for content that cannot be copied.
    """
    for question in questions:
        for name, answer in answerers.items():
            yield _judged(challenge, question, name, answer, size)
        if progress is not None:
            progress(1)


def _judged(
    challenge: Challenge, question: Question, name: str, answer: Answerer, size: str | None
) -> Judged:
    if question.unanswerable is not None:
        return Judged(question, name, size, {}, question.unanswerable)
    with blaming(f"challenge {challenge.name}: a question, copied"):
        content = deepcopy(question.content)

    def work() -> tuple[dict[str, float], tuple[Any, Any]]:
        seed_by(question.test_set, question.subject, question.key)
        given = answer(content)
        scored = challenge.score(question, given)
        values = _values(challenge, scored)
        # A system may fill the same arrays for the next question.
        kept = deepcopy((given, scored.detail)) if question.looked_at else (None, None)
        return values, kept

    done, failure = attempted(work)
    if done is None:
        return Judged(question, name, size, {}, failure)
    values, (given, detail) = done
    return Judged(question, name, size, values, None, given, detail)


def _values(challenge: Challenge, scored: Scored) -> dict[str, float]:
    """The scores of an answer as finite numbers. Raises Unanswered where they are not."""
    if not isinstance(scored, Scored):
        raise TypeError(f"score returned {reprlib.repr(scored)} instead of Scored")
    declared = [metric.name for metric in challenge.metrics]
    for name in scored.values:
        if name not in declared:
            (nearest,) = difflib.get_close_matches(str(name), declared, n=1, cutoff=0.0)
            raise HeadwaterError(
                f"challenge {challenge.name}: a score names the metric {name!r}, which the "
                f"challenge does not have; the nearest one that it has is {nearest!r}"
            )
    # Code from outside returns what it likes.
    given: Mapping[str, object] = scored.values
    values = {}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            said = value if isinstance(value, Real) else reprlib.repr(value)
            raise Unanswered(f"{name} is {said}")
        values[name] = float(value)
    if challenge.headline.name not in values:
        raise Unanswered(f"{challenge.headline.name} is missing")
    return values
