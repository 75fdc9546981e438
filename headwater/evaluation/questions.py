"""The questions of a challenge, each checked before anything answers it."""

import math
import re
import reprlib
from collections.abc import Iterator
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Final

from headwater.artifacts.ids import ITEM_ID_LENGTH
from headwater.errors import HeadwaterError
from headwater.evaluation.attempt import blaming
from headwater.evaluation.challenge import Challenge, Question
from headwater.evaluation.checks import is_number, line_fault

_MOST_SAID: Final = 100
_IDENTIFIER: Final = re.compile(f"[0-9a-f]{{{ITEM_ID_LENGTH}}}")


def questions_of(challenge: Challenge, data: Path) -> Iterator[Question]:
    """All questions of a challenge, in order, with conditions that JSON has words for.

    Raises HeadwaterError, which names the challenge, for two questions of one key, for one that
    scores cannot be kept of, and for a fault of the challenge's code.
    """
    keys = set()
    with blaming(f"challenge {challenge.name}: questions"):
        for question in challenge.questions(data):
            if not isinstance(question, Question):
                raise TypeError(f"{reprlib.repr(question)} is no Question")
            key = (question.test_set, question.subject, question.key)
            if key in keys:
                raise HeadwaterError(
                    f"{_place(challenge, question)} stands twice in the test set "
                    f"{question.test_set!r}; give each question about a subject its own key"
                )
            keys.add(key)
            yield _checked(challenge, question)
    if not keys:
        raise HeadwaterError(
            f"challenge {challenge.name} has no question; "
            + (
                "change split in params.yaml or raise synthesize.subjects"
                if challenge.reads
                else "mend its questions"
            )
        )


def count_of(challenge: Challenge, data: Path) -> int:
    """The number of questions that a challenge expects. Raises HeadwaterError where it fails."""
    with blaming(f"challenge {challenge.name}: count"):
        return int(challenge.count(data))


def _checked(challenge: Challenge, question: Question) -> Question:
    place = _place(challenge, question)
    for what, text in (("key", question.key), ("test set", question.test_set)):
        fault = line_fault(text, f"its {what}")
        if fault is None and not re.fullmatch(r"[^./\\][^/\\]*", text):
            fault = f"its {what} is {text!r}; write it without / and a dot first"
        if fault:
            raise HeadwaterError(f"{place}: {fault}")
    if not _IDENTIFIER.fullmatch(question.subject):
        raise HeadwaterError(
            f"{place}: subject {question.subject!r} is no identifier; "
            "make it with headwater.artifacts.ids.item_id"
        )
    if question.unanswerable is not None:
        _check_line(question.unanswerable, "the reason why it is unanswerable", place)
    conditions = {}
    for name, value in question.conditions.items():
        _check_line(name, "the name of a condition", place)
        conditions[name] = _plain(value, f"{place}: condition {name}")
    for stratum in challenge.strata:
        with blaming(f"{place}, stratum {stratum.name}"):
            bin_of = stratum.place(conditions)
            edges = stratum.edges
            if bin_of is not None and not is_number(bin_of):
                raise TypeError(f"{reprlib.repr(bin_of)} is no number")
            if bin_of is not None and edges and not edges[0] <= bin_of <= edges[-1]:
                raise HeadwaterError(
                    f"{place}: stratum {stratum.name} has no bin for {bin_of:g}; its edges are "
                    f"from {edges[0]:g} to {edges[-1]:g}"
                )
    return replace(question, conditions=conditions)


def _check_line(text: object, what: str, place: str) -> None:
    if fault := line_fault(text, what):
        raise HeadwaterError(f"{place}: {fault}")


def _plain(value: object, place: str) -> float | int | str:
    """A value that JSON has a word for. Raises HeadwaterError for another one."""
    if isinstance(value, str):
        if fault := line_fault(value, place):
            raise HeadwaterError(fault)
        return value
    if isinstance(value, Integral):
        if abs(int(value)) < 2**63:
            return int(value)
    elif isinstance(value, Real) and math.isfinite(value):
        return float(value)
    said = value if isinstance(value, float) else reprlib.repr(value)
    raise HeadwaterError(f"{place} is {said}, neither a finite number nor a text")


def _place(challenge: Challenge, question: Question) -> str:
    key, subject = repr(question.key)[:_MOST_SAID], str(question.subject)[:_MOST_SAID]
    return f"challenge {challenge.name}: question {key} of subject {subject}"
