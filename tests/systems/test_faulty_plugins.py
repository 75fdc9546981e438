"""Faults of systems and challenges from outside: counted, with their text, and never hidden."""

import io
import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headwater.artifacts.evaluate_schemas import PICTURES, SCORES
from headwater.artifacts.figures import FIGURES
from headwater.artifacts.ids import item_id
from headwater.artifacts.table_checks import check_tables
from headwater.artifacts.tables import read_bucket, to_table, write_bucket
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Challenge, Picture, Question, Scored, Unanswered
from headwater.evaluation.questions import count_of
from headwater.evaluation.scores import read_scores
from headwater.report.challenges import challenge_sections
from headwater.systems import challenge_of, find_system
from headwater.systems.listing import headline
from headwater.systems.stages import baselines_stage, evaluate_stage, photos_stage, train_stage
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


@pytest.mark.parametrize("value", [math.nan, "good", None, True])
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


class Leaving(BaseException):
    """A kind of error that is no Exception."""


class Silent(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Leaving("boo"), "unexpected Leaving: boo"),
        (Silent(), "unexpected Silent"),
        (RuntimeError("\ud800" + 10**6 * "a"), r"unexpected RuntimeError: \ud800aaaa"),
        (Unanswered("too\ndark \ud800" + 10**6 * "a"), r"too dark \ud800aaaa"),
    ],
)
def test_any_error_of_an_answer_is_a_failure_of_one_short_line(
    params: Params, project: Path, toy: System, fields: Challenge, error: Any, said: str
) -> None:
    def answer(model: float, part: Any) -> Any:
        if part.flatness < 0.3:
            raise error
        return toy.answer(model, part)

    evaluate_stage(replace(toy, answer=answer), fields, params, project)
    (reason,) = {*reasons(project)} - {"", "the part is too flat"}
    assert reason is not None
    assert reason.startswith(said)
    assert len(reason) <= len("unexpected ") + 200


def _interrupted(*_: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize("of", ["answer", "score", "questions"])
def test_an_interrupt_ends_an_evaluation(
    params: Params, project: Path, toy: System, fields: Challenge, of: str
) -> None:
    if of == "answer":
        toy = replace(toy, answer=_interrupted)
    else:
        fields = replace(fields, **{of: _interrupted})
    with pytest.raises(KeyboardInterrupt):
        evaluate_stage(toy, fields, params, project)


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


# Questions.


def asking(fields: Challenge, **changes: Any) -> Challenge:
    """The challenge with other values in each of its questions."""

    def questions(data: Path) -> Iterator[Question]:
        for one in fields.questions(data):
            yield replace(one, **changes)

    return replace(fields, questions=questions)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": item_id("one")}, r"'field' of subject \w+ stands twice"),
        ({"subject": "part 1"}, "subject 'part 1' is no identifier"),
        ({"conditions": {"flatness": math.nan}}, "condition flatness is nan"),
        ({"conditions": {"flatness": [1]}}, r"condition flatness is \[1\]"),
        ({"conditions": {"flatness": 10**400}}, "condition flatness is 1000"),
        ({"conditions": {"flatness": 0.1, "x": "a" * 10**6}}, "condition x has 1000000 letters"),
        ({"conditions": {"flatness": 0.1, "x": "\ud800"}}, r"condition x is '\\ud800', not one"),
        ({"conditions": {"flatness": 0.1, 7: 1}}, "the name of a condition is 7, no text"),
        ({"conditions": {"flatness": 0.1, "a\nb": 1}}, r"the name of a condition is 'a\\nb', not"),
        ({"key": "../f"}, r"its key is '\.\./f'; write it without /"),
        ({"key": "a\\b"}, "its key is .*; write it without /"),
        ({"key": "\udfff"}, r"its key is '\\udfff', not one line"),
        ({"key": "a" * 1000}, "its key has 1000 letters"),
        ({"key": 3}, "its key is 3, no text"),
        ({"key": ""}, "its key is ''"),
        ({"test_set": "../../parts"}, "its test set is '../../parts'; write it without /"),
        ({"test_set": 7}, "its test set is 7, no text"),
        ({"unanswerable": "a\nb"}, r"the reason why it is unanswerable is 'a\\nb', not"),
        ({"conditions": {"flatness": 7.0}}, "stratum flatness has no bin for 7"),
        ({"conditions": {}}, "stratum flatness: unexpected KeyError: 'flatness'"),
    ],
)
def test_a_question_that_cannot_be_kept_is_refused_naming_its_challenge(
    params: Params, project: Path, toy: System, fields: Challenge, changes: Any, said: str
) -> None:
    broken = asking(fields, **changes)
    with pytest.raises(HeadwaterError, match=rf"^challenge fields.*{said}"):
        baselines_stage(broken, project / "data")
    with pytest.raises(HeadwaterError, match=rf"^challenge fields.*{said}"):
        evaluate_stage(toy, broken, params, project)


def test_numbers_of_numpy_are_conditions(project: Path, fields: Challenge) -> None:
    conditions = {"flatness": np.float32(0.5), "number": np.int64(3), "word": "x"}
    baselines_stage(asking(fields, conditions=conditions), project / "data")
    scores = read_scores(project / "data" / "evaluate" / "baselines" / "fields")
    assert {tuple(one.conditions.items()) for one in scores} == {
        (("flatness", 0.5), ("number", 3), ("word", "x"))
    }


def _without_end(data: Path) -> Iterator[Question]:
    raise RuntimeError("no list of parts")
    yield


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        (_without_end, "questions: unexpected RuntimeError: no list of parts"),
        (lambda data: None, "questions: unexpected TypeError"),
        (lambda data: iter(["what?"]), "questions: unexpected TypeError: 'what\\?' is no Question"),
        (lambda data: iter([]), "has no question"),
    ],
)
def test_questions_that_fail_name_their_challenge(
    project: Path, fields: Challenge, questions: Any, said: str
) -> None:
    with pytest.raises(HeadwaterError, match=f"^challenge fields:? {said}"):
        baselines_stage(replace(fields, questions=questions), project / "data")


@pytest.mark.parametrize("count", [_broken, lambda data: None])
def test_a_count_that_fails_names_its_challenge(
    project: Path, fields: Challenge, count: Any
) -> None:
    with pytest.raises(HeadwaterError, match=r"^challenge fields: count: unexpected "):
        count_of(replace(fields, count=count), project / "data")


@pytest.mark.parametrize("baselines", [_broken, lambda data: ["sphere"]])
def test_baselines_that_fail_name_their_challenge(
    project: Path, fields: Challenge, baselines: Any
) -> None:
    with pytest.raises(HeadwaterError, match=r"^challenge fields: baselines: unexpected "):
        baselines_stage(replace(fields, baselines=baselines), project / "data")


def test_a_challenge_without_baselines_is_judged(
    params: Params, project: Path, toy: System, fields: Challenge
) -> None:
    alone = replace(fields, baselines=lambda data: {})
    assert baselines_stage(alone, project / "data") == {}
    assert evaluate_stage(toy, alone, params, project)["subjects"] == 5


# Pictures.


def png(side: int = 64, mode: str = "RGB", kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (side, side)).save(buffer, kind)
    return buffer.getvalue()


def _picturing(*pictures: Any) -> Callable[..., Any]:
    return lambda question, answer: list(pictures)


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        (_picturing(Picture("x", b"not a png")), "'x' is no PNG picture"),
        (_picturing(Picture("x", png(kind="JPEG"))), "'x' is no PNG picture"),
        (_picturing(Picture("x", png()[:50])), "'x' is no PNG picture"),
        (_picturing(Picture("x", "str")), "'x' is no PNG picture"),  # type: ignore[arg-type]
        (_picturing(Picture("x", png(3000))), "'x' is 3000 x 3000 px, .* at most 2048"),
        (_picturing(*2 * [Picture("same", png())]), "'same' stands twice"),
        (_picturing(*[Picture(f"{n}", png()) for n in range(25)]), "25 pictures .* at most 24"),
        (_picturing("x"), "is no Picture"),
        (_broken, "unexpected KeyError: 'model broke'"),
    ],
)
def test_a_picture_that_cannot_be_shown_is_refused_naming_system_and_question(
    params: Params, project: Path, toy: System, fields: Challenge, pictures: Any, said: str
) -> None:
    with pytest.raises(HeadwaterError, match=rf"^toy: pictures of question 'field' .*{said}"):
        evaluate_stage(toy, replace(fields, pictures=pictures), params, project)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_pictures_of_every_kind_are_shown(
    params: Params, project: Path, toy: System, fields: Challenge, mode: str
) -> None:
    shown = replace(fields, pictures=_picturing(Picture("x", png(mode=mode))))
    evaluate_stage(toy, shown, params, project)
    (section,) = challenge_sections(project / "data", params)
    ((_, groups),) = section.pictures
    assert len(groups) == 5


def test_pictures_are_shown_by_question_in_the_challenges_order(
    params: Params, project: Path, toy: System, fields: Challenge
) -> None:
    names = ["truth", "answer", "difference", "both"]
    shown = replace(fields, pictures=_picturing(*[Picture(name, png()) for name in names]))
    evaluate_stage(toy, shown, params, project)
    data = project / "data"
    scores = read_scores(data / "evaluate" / "toy")
    answered = {one.subject for one in scores if one.failure is None}
    wanted = [one.subject for one in fields.questions(data) if one.subject in answered]
    (section,) = challenge_sections(data, params)
    ((_, groups),) = section.pictures
    assert [(one.question, one.subject) for one in groups] == [("field", one) for one in wanted]
    assert {tuple(name for name, _ in one.pictures) for one in groups} == {tuple(names)}


def test_a_table_of_pictures_has_a_bound(
    params: Params, project: Path, toy: System, fields: Challenge
) -> None:
    many = _picturing(*[Picture(f"{n}", png()) for n in range(10)])
    evaluate_stage(toy, replace(fields, pictures=many), params, project)
    path = project / "data" / "evaluate" / "toy" / "pictures.parquet"
    assert read_bucket(path, PICTURES).num_rows == 20


# Tables of another origin.


def test_a_score_or_picture_that_stands_twice_is_a_finding(
    params: Params, project: Path, toy: System, fields: Challenge
) -> None:
    evaluate_stage(toy, fields, params, project)
    data = project / "data"
    folder = data / "evaluate" / "toy"
    paths = [folder / "pictures.parquet", folder / "scores.parquet"]
    assert check_tables(data, paths)[1] == []
    for path, schema in zip(paths, (PICTURES, SCORES), strict=True):
        rows = read_bucket(path, schema).to_pylist()
        write_bucket(path, schema, to_table(schema, [*rows, rows[0]]), "")
    findings = check_tables(data, paths)[1]
    assert {path for path, _ in findings} == set(paths)
    assert all("stands 2 times" in said for _, said in findings)


# Figures.


@pytest.mark.parametrize("kind", ["figures", "extras", "photos"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"psnr": math.nan}, "figure 'psnr' is nan, no finite number"),
        ({"psnr": "good"}, "figure 'psnr' is 'good', no finite number"),
        ({3: 1.0}, "figure 3 has no name"),
        (None, "unexpected TypeError"),
        (KeyError("psnr"), "unexpected KeyError: 'psnr'"),
    ],
)
def test_figures_that_are_none_are_refused_naming_challenge_and_system(
    params: Params,
    project: Path,
    toy: System,
    fields: Challenge,
    kind: str,
    given: Any,
    said: str,
) -> None:
    def own(*_: Any) -> Any:
        if isinstance(given, Exception):
            raise given
        return given

    odd = replace(fields, **{kind: own})  # type: ignore[arg-type]
    stage = photos_stage if kind == "photos" else evaluate_stage
    with pytest.raises(HeadwaterError, match=rf"^challenge fields: {kind} of toy: {said}"):
        stage(toy, odd, params, project)


def test_figures_of_numpy_are_kept(
    params: Params, project: Path, toy: System, fields: Challenge
) -> None:
    odd = replace(fields, figures=lambda *_: {"rmse": np.float32(0.5), "subjects": np.int64(2)})
    assert evaluate_stage(toy, odd, params, project) == {"rmse": 0.5, "subjects": 2}


# Training.


def _training(curve: Any, *, weights: bool = True) -> Callable[..., Any]:
    def train(config: Any, data: Path, run: Any, file: Path) -> Any:
        if weights:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"weights")
        return curve

    return train


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (_training(None), "returned None instead of a curve"),
        (_training([]), "returned a curve without a step"),
        (_training([{"loss": 1.0}]), "record 0 of the curve has no number 'step'"),
        (_training([{"step": 1, "field_loss": 1.0}, 3]), "record 1 of the curve is no mapping"),
        (_training([{"step": math.nan}]), "record 0 of the curve has no number 'step'"),
        (
            _training([{"step": 1, "field_loss": "x"}]),
            "field_loss of record 0 .* is 'x', no number",
        ),
        (_training([{"step": 7, "field_loss": math.nan}]), "loss of step 7, the last one, is nan"),
        (_training([{"step": 7, "field_loss": 0.5}], weights=False), "wrote no weights"),
    ],
)
def test_a_training_that_cannot_be_kept_is_one_sentence(
    params: Params, toy: System, tmp_path: Path, train: Any, said: str
) -> None:
    with pytest.raises(HeadwaterError, match=rf"^toy: train.*{said}"):
        train_stage(replace(toy, train=train), params, tmp_path, tmp_path / "checkpoints")


def test_weights_of_an_earlier_training_do_not_pass_for_those_of_this_one(
    params: Params, toy: System, tmp_path: Path
) -> None:
    train_stage(toy, params, tmp_path, tmp_path / "checkpoints")
    forgetful = replace(toy, train=_training([{"step": 7, "field_loss": 0.5}], weights=False))
    with pytest.raises(HeadwaterError, match=r"^toy: train wrote no weights"):
        train_stage(forgetful, params, tmp_path, tmp_path / "checkpoints")
