"""Questions, answers and scores of any challenge: in order, complete, and the same once read."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.artifacts.file_checks import check_file
from headwater.artifacts.ids import item_id
from headwater.errors import HeadwaterError, StepFault
from headwater.evaluation.challenge import (
    Challenge,
    Judged,
    Metric,
    Question,
    Score,
    Scored,
    Stratum,
    Unanswered,
    own_challenges,
)
from headwater.evaluation.judge import judge
from headwater.evaluation.scores import FILE, read_all, read_scores, scores_of, write_scores
from headwater.evaluation.summary import (
    MOST_CHOSEN,
    bins,
    chosen,
    failures_in_words,
    figures,
    interval,
)

METRICS = (Metric("error", "error", "mm"), Metric("hits", "hits", "", lower_is_better=False))
NUMBERS = st.floats(-1e6, 1e6) | st.just(math.nan) | st.just(math.inf)


def challenge(**changes: Any) -> Challenge:
    """Questions are numbers; an answer's error is how far it is off, squared in "hits"."""
    plain: dict[str, Any] = {
        "name": "numbers",
        "title": "Numbers",
        "about": "Numbers to numbers.",
        "metrics": METRICS,
        "questions": lambda data: iter(questions(3)),
        "count": lambda data: 3,
        "score": _score,
        "baselines": lambda data: {"zero": lambda content: 0.0},
    }
    return Challenge(**{**plain, **changes})


def _score(question: Question, answer: float) -> Scored:
    if answer < 0:
        raise Unanswered("a negative answer cannot be judged")
    off = abs(answer - question.content)
    return Scored({"error": off, "hits": off**2}, detail=("off", off))


def questions(count: int) -> list[Question]:
    return [
        Question("first", f"subject {n}", f"number {n}", {"size": n}, float(n), looked_at=n == 1)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    "draw",
    [random.random, np.random.random, lambda: float(torch.rand(()))],
    ids=["random", "numpy", "torch"],
)
def test_what_an_answer_draws_depends_on_its_question_alone(draw: Callable[[], float]) -> None:
    answerers = {"drawn": lambda content: content + draw()}
    forth = [one.values["error"] for one in judge(challenge(), questions(3), answerers)]
    back = [one.values["error"] for one in judge(challenge(), questions(3)[::-1], answerers)]
    assert forth == back[::-1]
    assert len(set(forth)) == 3


def test_every_answerer_gets_every_question_in_order() -> None:
    progress: list[int] = []
    answerers = {"right": lambda content: content, "zero": lambda content: 0.0}
    judged = list(judge(challenge(), questions(3), answerers, "small", progress.append))
    assert [(one.question.key, one.system) for one in judged] == [
        (f"number {n}", name) for n in range(3) for name in ("right", "zero")
    ]
    assert progress == [1, 1, 1]
    assert {one.size for one in judged} == {"small"}
    assert [one.values["error"] for one in judged] == [0, 0, 0, 1, 0, 2]


def test_answers_are_kept_of_questions_that_are_looked_at_alone() -> None:
    judged = list(judge(challenge(), questions(3), {"zero": lambda content: 0.0}))
    assert [one.answer for one in judged] == [None, 0.0, None]
    assert [one.detail for one in judged] == [None, ("off", 1.0), None]


def arrays(count: int) -> list[Question]:
    return [
        Question("first", f"subject {n}", "k", {}, np.full(3, float(n + 1)), looked_at=True)
        for n in range(count)
    ]


def off(question: Question, answer: np.ndarray) -> Scored:
    return Scored({"error": float(np.abs(answer - question.content).sum())}, detail=answer)


def halves(content: np.ndarray) -> np.ndarray:
    content /= 2
    return content


@pytest.mark.fault("no answer changes what others are given, or what it is judged by")
def test_an_answer_that_changes_its_question_changes_its_own_copy() -> None:
    answerers = {"first": halves, "same": lambda content: content, "again": halves}
    judged = list(judge(challenge(score=off), arrays(2), answerers))
    assert [one.values["error"] for one in judged] == [1.5, 0.0, 1.5, 3.0, 0.0, 3.0]
    np.testing.assert_array_equal(judged[3].question.content, 3 * [2.0])


@pytest.mark.fault("an answer that is looked at later is the one that was judged")
def test_an_answer_that_is_kept_is_not_changed_by_later_ones() -> None:
    buffer = np.zeros(3)

    def filled(content: np.ndarray) -> np.ndarray:
        buffer[:] = content + 1
        return buffer

    judged = list(judge(challenge(score=off), arrays(2), {"filled": filled}))
    assert [one.answer.tolist() for one in judged] == [3 * [2.0], 3 * [3.0]]
    assert [one.detail.tolist() for one in judged] == [3 * [2.0], 3 * [3.0]]


def test_a_question_that_cannot_be_copied_is_the_challenges_fault() -> None:
    (whole,) = questions(1)
    odd = replace(whole, content=(n for n in range(3)))
    with pytest.raises(StepFault, match="challenge numbers: a question, copied: unexpected Type"):
        list(judge(challenge(), [odd], {"any": lambda content: 1.0}))


def refuse(content: float) -> float:
    raise Unanswered("" if content == 1 else f"no answer to {content:g}")


def test_a_missing_answer_has_its_reason_and_no_values() -> None:
    judged = list(judge(challenge(), questions(3), {"silent": refuse}))
    assert [one.failure for one in judged] == ["no answer to 0", "no answer", "no answer to 2"]
    assert all(not one.values for one in judged)
    wrong = list(judge(challenge(), questions(1), {"negative": lambda content: -1.0}))
    assert wrong[0].failure == "a negative answer cannot be judged"


def test_what_a_user_can_mend_ends_the_evaluation() -> None:
    def broken(content: float) -> float:
        raise HeadwaterError("the weights are gone")

    with pytest.raises(HeadwaterError, match="weights are gone"):
        list(judge(challenge(), questions(1), {"broken": broken}))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"error": math.nan, "hits": 2.0}, "error is nan"),
        ({"error": 2.0, "hits": -math.inf}, "hits is -inf"),
        ({"hits": 2.0}, "error is missing"),
        ({}, "error is missing"),
    ],
)
def test_a_value_that_is_no_number_is_a_failure(values: dict[str, float], reason: str) -> None:
    one = challenge(score=lambda question, answer: Scored(values))
    (judged,) = judge(one, questions(1), {"any": lambda content: 1.0})
    assert (judged.values, judged.failure) == ({}, reason)
    found = list(scores_of(one, [judged]))
    assert [(score.value, score.failure) for score in found] == 2 * [(None, reason)]


def test_a_metric_other_than_the_headline_may_be_unknown() -> None:
    one = challenge(score=lambda question, answer: Scored({"error": 1.0}))
    (judged,) = judge(one, questions(1), {"any": lambda content: 1.0})
    assert [(score.value, score.failure) for score in scores_of(one, [judged])] == [
        (1.0, None),
        (None, None),
    ]


SCORES = st.builds(
    Score,
    challenge=st.sampled_from(["numbers", "heads"]),
    system=st.sampled_from(["ours", "thei\u00e9rs"]),
    size=st.none() | st.just("small"),
    test_set=st.sampled_from(["first", "second"]),
    subject=st.integers(0, 3).map(lambda number: item_id("subject", number)),
    question=st.text("xyz ", min_size=1, max_size=4),
    conditions=st.dictionaries(
        st.text("ab", min_size=1, max_size=2), st.integers(-9, 9) | st.floats(-9, 9), max_size=2
    ),
    metric=st.sampled_from(["error", "hits"]),
    value=st.none() | st.floats(-1e6, 1e6),
    failure=st.none() | st.text(max_size=8),
)


def identity(score: Score) -> tuple[Any, ...]:
    return (
        score.challenge,
        score.system,
        score.size,
        score.test_set,
        score.subject,
        score.question,
        score.metric,
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(SCORES, max_size=8, unique_by=identity))
def test_scores_come_back_from_their_table(
    tmp_path_factory: pytest.TempPathFactory, scores: list[Score]
) -> None:
    folder = tmp_path_factory.mktemp("scores") / "evaluate" / "ours"
    write_scores(folder, scores)
    again = read_scores(folder)
    assert sorted(again, key=repr) == sorted(scores, key=repr)
    before = (folder / FILE).read_bytes()
    write_scores(folder, list(reversed(scores)))
    assert (folder / FILE).read_bytes() == before
    assert check_file(folder / FILE) is None


def test_all_scores_of_a_build_begin_with_the_baselines(tmp_path: Path) -> None:
    for place in ("zeta", "alpha", "baselines/numbers"):
        name = place.split("/")[0]
        judged = judge(challenge(), questions(2), {name: lambda content: 0.0})
        write_scores(tmp_path / "evaluate" / place, scores_of(challenge(), judged))
    systems = list(dict.fromkeys(score.system for score in read_all(tmp_path)))
    assert systems == ["baselines", "alpha", "zeta"]
    assert read_scores(tmp_path / "nowhere") == []
    assert len(read_all(tmp_path)) == 3 * 2 * 2
    assert {score.system for score in read_all(tmp_path, ["zeta"])} == {"baselines", "zeta"}


# Figures.


def answered(name: str, answers: dict[str, float | None]) -> list[Judged]:
    return [
        Judged(
            Question("first", subject, "q", {"size": number}, None),
            name,
            None,
            {} if value is None else {"error": value, "hits": 1.0},
            "nothing" if value is None else None,
        )
        for number, (subject, value) in enumerate(answers.items())
    ]


def test_a_share_is_over_subjects_that_both_answered() -> None:
    own = list(scores_of(challenge(), answered("ours", {"a": 1.0, "b": 2.0, "c": None, "d": 9.0})))
    base = list(scores_of(challenge(), answered("zero", {"a": 2.0, "b": 4.0, "c": 1.0, "d": None})))
    found = figures(challenge(), "ours", own, base)
    assert found["error_ratio_to_zero"] == pytest.approx(0.5)
    assert found["error"] == pytest.approx(4.0)
    assert found["zero_error"] == pytest.approx(7 / 3)
    assert (found["subjects"], found["failures"]) == (3, 1)
    assert found["error_low"] <= found["error"] <= found["error_high"]
    assert all(math.isfinite(value) for value in found.values())


def test_a_system_that_answered_nothing_has_counts_and_no_means() -> None:
    own = list(scores_of(challenge(), answered("ours", {"a": None, "b": None})))
    found = figures(challenge(), "ours", own, [])
    assert found == {"subjects": 0, "failures": 2}
    assert math.isnan(interval(own).value)


def test_failures_are_counted_and_their_commonest_reasons_said() -> None:
    judged = [
        Judged(Question("first", f"{n}{reason}", "q", {}, None), "ours", None, {}, reason)
        for count, reason in enumerate("dcba", 1)
        for n in range(count)
    ]
    scores = list(scores_of(challenge(), judged))
    assert failures_in_words(challenge(), scores) == "10 failures: a (4), b (3), c (2), 1 more"
    assert failures_in_words(challenge(), []) == "0 failures"


@given(st.integers(1, 30))
def test_builds_are_compared_by_a_dozen_figures_at_most(baselines: int) -> None:
    names = {f"error_ratio_to_base{n}": 1.0 for n in range(baselines)}
    few = chosen(challenge(), {"error": 1.0, **names, "error_ratio_to_base0_low": 0.5})
    assert few[0] == "error"
    assert len(few) <= MOST_CHOSEN
    assert not any(name.startswith("error_ratio_to_base0_") for name in few)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5)), min_size=1, max_size=15))
def test_bins_hold_the_answers_between_their_edges(values: list[tuple[float, float]]) -> None:
    stratum = Stratum("size", "size", lambda conditions: conditions["size"], (0.0, 2.0, 5.0, 10.0))
    scores = [
        Score("numbers", "ours", None, "first", f"s{n}", "q", {"size": place}, "error", value, None)
        for n, (place, value) in enumerate(values)
    ]
    found = {one.name: one for one in bins(challenge(), stratum, scores)}
    for name, low, high in (("0_2", 0, 2), ("2_5", 2, 5), ("5_10", 5, 10)):
        members = [
            (place, value)
            for place, value in values
            if low <= place < high or (high == 10 and place == 10)
        ]
        assert (name in found) == bool(members)
        if members:
            places, errors = zip(*members, strict=True)
            assert found[name].subjects == len(members)
            assert found[name].place == pytest.approx(sum(places) / len(places))
            assert found[name].value.value == pytest.approx(sum(errors) / len(errors))


def test_questions_without_the_condition_are_in_no_bin() -> None:
    stratum = Stratum("size", "size", lambda conditions: conditions.get("size"), (0.0, 10.0))
    plain = Score("numbers", "ours", None, "first", "s", "q", {}, "error", 1.0, None)
    assert bins(challenge(), stratum, [plain]) == []


def test_the_projects_own_challenges_are_whole() -> None:
    for name, one in own_challenges().items():
        assert one.name == name
        assert one.headline is one.metrics[0]
        metrics = [metric.name for metric in one.metrics]
        assert len(set(metrics)) == len(metrics)
        assert {schema.name for schema in one.learns} <= {schema.name for schema in one.reads}
        for stratum in one.strata:
            assert list(stratum.edges) == sorted(set(stratum.edges))
