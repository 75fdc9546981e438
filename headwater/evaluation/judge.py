"""Questions put to systems and baselines, and their answers judged, the same for all."""

import math
from collections.abc import Iterable, Iterator, Mapping

from headwater.evaluation.challenge import (
    Answerer,
    Challenge,
    Counter,
    Judged,
    Question,
    Scored,
    Unanswered,
)


def judge(
    challenge: Challenge,
    questions: Iterable[Question],
    answerers: Mapping[str, Answerer],
    size: str | None = None,
    progress: Counter | None = None,
) -> Iterator[Judged]:
    """Every question answered by all of ``answerers``, in order.

    answer: of a question's content. size: of the one system that answers. progress is called with
    1 after every question.
    """
    for question in questions:
        for name, answer in answerers.items():
            yield _judged(challenge, question, name, answer, size)
        if progress is not None:
            progress(1)


def _judged(
    challenge: Challenge, question: Question, name: str, answer: Answerer, size: str | None
) -> Judged:
    try:
        given = answer(question.content)
        scored: Scored = challenge.score(question, given)
    except Unanswered as reason:
        return Judged(question, name, size, {}, str(reason) or "no answer")
    values = {key: value for key, value in scored.values.items() if math.isfinite(value)}
    if question.looked_at:
        return Judged(question, name, size, values, None, given, scored.detail)
    return Judged(question, name, size, values)
