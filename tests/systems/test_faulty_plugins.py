"""Faults of systems and challenges from outside: counted, with their text, and never hidden."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.artifacts.figures import FIGURES
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Challenge, Question, Scored
from headwater.evaluation.scores import read_scores
from headwater.systems import challenge_of, find_system
from headwater.systems.listing import headline
from headwater.systems.stages import baselines_stage, evaluate_stage, train_stage
from headwater.systems.system import System

PROJECT = Path(__file__).resolve().parents[2]
PLUGIN = Path(__file__).with_name("toy_plugin")


@pytest.fixture(scope="module")
def params() -> Params:
    """The project's parameters with the toy system from outside."""
    own = load_params(PROJECT / "params.yaml")
    return own.model_copy(update={"plugins": {"toy": str(PLUGIN)}, "build": {"toy": "fields"}})


@pytest.fixture(scope="module")
def project(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the toy was trained."""
    folder = tmp_path_factory.mktemp("toy")
    train_stage(find_system("toy", params, folder), params, folder, folder / "checkpoints")
    return folder


@pytest.fixture
def toy(params: Params, project: Path) -> System:
    """The toy system."""
    return find_system("toy", params, project)


@pytest.fixture
def fields(toy: System, params: Params, project: Path) -> Challenge:
    """Its challenge."""
    return challenge_of(toy, params, project)


def scoring(value: Callable[[Question], Any], name: str = "rmse") -> Callable[..., Scored]:
    """A challenge's score that gives a value whatever the answer is."""
    return lambda question, answer: Scored({name: value(question)})


def reasons(project: Path) -> list[str | None]:
    return sorted({one.failure or "" for one in read_scores(project / "data/evaluate/toy")})


# Scores.


@pytest.mark.parametrize(("number", "word"), [(math.nan, "nan"), (math.inf, "inf")])
def test_a_score_that_is_not_finite_is_a_failure_with_its_reason(
    params: Params, project: Path, toy: System, fields: Challenge, number: float, word: str
) -> None:
    round_parts = replace(
        fields, score=scoring(lambda one: number if one.conditions["flatness"] < 0.3 else 0.5)
    )
    sound = evaluate_stage(toy, fields, params, project)
    found = evaluate_stage(toy, round_parts, params, project)
    assert found["subjects"] < sound["subjects"]
    assert found["subjects"] + found["failures"] == 6
    assert reasons(project) == ["", f"rmse is {word}", "the part is too flat"]


@pytest.mark.parametrize("value", [math.nan, "good", None])
def test_an_evaluation_without_one_score_ends_with_its_reason(
    params: Params, project: Path, toy: System, fields: Challenge, value: Any
) -> None:
    broken = replace(fields, score=scoring(lambda _: value))
    with pytest.raises(HeadwaterError, match=rf"toy: no question was answered.*rmse is {value!r}"):
        evaluate_stage(toy, broken, params, project)


def test_a_metric_that_was_not_declared_is_refused_by_name(
    params: Params, project: Path, toy: System, fields: Challenge
) -> None:
    misspelt = replace(fields, score=scoring(lambda _: 1.0, "rmsee"))
    with pytest.raises(HeadwaterError, match=r"challenge fields.*'rmsee'.*nearest .* 'rmse'"):
        evaluate_stage(toy, misspelt, params, project)
    with pytest.raises(HeadwaterError, match=r"challenge fields.*'rmsee'.*nearest .* 'rmse'"):
        baselines_stage(misspelt, project / "data")


def test_the_list_of_systems_bears_a_figure_that_is_missing(
    params: Params, project: Path, toy: System
) -> None:
    folder = project / "data" / "evaluate" / "toy"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).write_text(json.dumps({"subjects": 0, "failures": 6}))
    assert headline(toy, params, project) is None
    (folder / FIGURES).write_text(json.dumps({"rmse": 0.5}))
    assert headline(toy, params, project) == "RMSE 0.5 units"


# Exceptions.


def test_an_exception_in_one_answer_is_a_failure_and_the_others_go_on(
    params: Params, project: Path, toy: System, fields: Challenge
) -> None:
    def answer(model: float, part: Any) -> Any:
        if part.flatness < 0.3:
            raise RuntimeError(f"no room\nfor {object()}")
        return toy.answer(model, part)

    sound = evaluate_stage(toy, fields, params, project)
    found = evaluate_stage(replace(toy, answer=answer), fields, params, project)
    assert found["failures"] > sound["failures"]
    assert found["subjects"] + found["failures"] == 6
    assert reasons(project) == [
        "",
        "the part is too flat",
        "unexpected RuntimeError: no room for <object object at 0x>",
    ]


def _broken(*_: Any) -> Any:
    raise KeyError("model broke")


def _leaving(*_: Any) -> Any:
    sys.exit(0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"answer": _broken}, "unexpected KeyError: 'model broke'"),
        ({"answer": _leaving}, "unexpected SystemExit: 0"),
        ({"answer": lambda model, part: "a string"}, "unexpected [A-Za-z]*Error"),
    ],
)
def test_an_evaluation_of_exceptions_alone_ends_naming_system_question_and_subject(
    params: Params, project: Path, toy: System, fields: Challenge, wrong: Any, said: str
) -> None:
    first = next(iter(fields.questions(project / "data")))
    with pytest.raises(
        HeadwaterError,
        match=rf"^toy: no question was answered; .*field.*subject {first.subject}.*{said}",
    ):
        evaluate_stage(replace(toy, **wrong), fields, params, project)


@pytest.mark.parametrize("given", [None, 3.0, {"rmse": 1.0}])
def test_a_score_of_another_kind_ends_with_its_sentence(
    params: Params, project: Path, toy: System, fields: Challenge, given: Any
) -> None:
    broken = replace(fields, score=lambda question, answer: given)
    with pytest.raises(HeadwaterError, match=r"^toy: no question was answered; .*Scored"):
        evaluate_stage(toy, broken, params, project)


def test_a_baseline_that_is_broken_is_named_with_its_challenge(
    project: Path, fields: Challenge
) -> None:
    broken = replace(fields, baselines=lambda data: {"sphere": _broken})
    with pytest.raises(
        HeadwaterError, match=r"^challenge fields, baseline sphere: .*KeyError: 'model broke'"
    ):
        baselines_stage(broken, project / "data")
