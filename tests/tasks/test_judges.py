"""A system at work in several processes gives what it gives in one, in the same order."""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.config import Params, load_params
from headwater.errors import HeadwaterError, StepFault
from headwater.evaluation.challenge import Judged
from headwater.evaluation.questions import questions_of
from headwater.systems import challenge_of, find_system
from headwater.systems.stages import judging_of, train_stage
from tasks import judges
from tasks.judges import judged_by, processes
from tasks.workers import Workers

PROJECT = Path(__file__).resolve().parents[2]
PLUGIN = PROJECT / "tests" / "systems" / "toy_plugin" / "toy_fields"


def trained_project(folder: Path, package: str, old: str = "", new: str = "") -> Params:
    """A project with the trained toy, the code of which has ``new`` for ``old``."""
    to = folder / "plugin" / package
    shutil.copytree(PLUGIN, to)
    text = (to / "__init__.py").read_text().replace("toy_fields", package)
    assert old in text
    (to / "__init__.py").write_text(text.replace(old, new))
    for path in to.iterdir():
        # Code that is younger than this process is refused.
        os.utime(path, (0, 0))
    own = load_params(PROJECT / "params.yaml")
    params = own.model_copy(
        update={"plugins": {"it": str(folder / "plugin")}, "build": {"toy": "fields"}}
    )
    train_stage(find_system("toy", params, folder), params, folder, folder / "checkpoints")
    return params


def by_workers(params: Params, project: Path, count: int = 1) -> Iterator[Judged]:
    system = find_system("toy", params, project)
    challenge = challenge_of(system, params, project)
    questions = questions_of(challenge, project / "data")
    with Workers(params, project, count) as workers:
        yield from judged_by(workers, system, challenge, questions)


def here(params: Params, project: Path) -> Iterable[Judged]:
    """The judged answers of this process."""
    system = find_system("toy", params, project)
    challenge = challenge_of(system, params, project)
    judging = judging_of(system, challenge, params, project)
    return judging(questions_of(challenge, project / "data"))


def plain(one: Judged) -> Any:
    content, answer = one.question.content, one.answer
    flat = None if answer is None else np.asarray(answer).tolist()
    return replace(one.question, content=content.flatness), dict(one.values), one.failure, flat


def test_answers_of_two_processes_are_those_of_one_in_order(tmp_path: Path) -> None:
    params = trained_project(tmp_path, "judges_sound")
    there = [plain(one) for one in by_workers(params, tmp_path, 2)]
    assert there == [plain(one) for one in here(params, tmp_path)]
    assert {one[2] for one in there} == {None, "the part is too flat"}


@pytest.mark.fault("a system that kills its process fails its stage alone, which says so")
def test_an_answer_that_kills_its_process_ends_the_evaluation_with_its_reason(
    tmp_path: Path,
) -> None:
    crash = "        import ctypes\n        ctypes.string_at(0)\n"
    old = '        raise Unanswered("the part is too flat")\n'
    params = trained_project(tmp_path, "judges_crash", old, crash)
    with pytest.raises(HeadwaterError, match=r"evaluate@toy: a worker .* 2 times: .*SIGSEGV"):
        list(by_workers(params, tmp_path))


@pytest.mark.fault("no answer is taken for that to another question")
@pytest.mark.parametrize("child", ["", "    if child == 0:\n        raise RuntimeError('child')\n"])
def test_an_answer_that_forks_is_given_once_and_to_its_own_question(
    tmp_path: Path, child: str
) -> None:
    package = f"judges_forks_{len(child)}"
    old = "    return model * part.field"
    fork = "    import os\n\n    child = os.fork()\n" + child
    params = trained_project(tmp_path, package, old, fork + old)
    found = [plain(one) for one in by_workers(params, tmp_path, 2)]
    sound = trained_project(tmp_path / "sound", f"{package}_not")
    assert found == [plain(one) for one in here(sound, tmp_path / "sound")]


@pytest.mark.fault("a fault of one item fails its stage alone and is named")
@pytest.mark.parametrize("kind", ["answer", "question"])
def test_what_cannot_be_read_in_the_other_process_is_a_fault_with_its_reason(
    tmp_path: Path, kind: str
) -> None:
    """An error of the system, as of a file that is not there, is none of the pipe."""
    odd = (
        "class Odd:\n    def __init__(self, it):\n        self.it = it\n"
        "    def __getattr__(self, name):\n        return getattr(self.__dict__['it'], name)\n"
        "    def __deepcopy__(self, memo):\n        return self\n"
        "    def __setstate__(self, state):\n        raise FileNotFoundError('lost')\n\n\n"
    )
    package = f"judges_unread_{kind}"
    old, new = {
        "answer": (
            "def _answer(model: float, part: Any) -> Any:\n",
            "def _answer(model: float, part: Any) -> Any:\n    return Odd(part.field)\n",
        ),
        "question": (
            f"def _part(number: int) -> Any:\n    from {package}.parts import part\n",
            (
                "def _part(number: int) -> Any:\n    return Odd(_inner(number))\n\n\n"
                f"def _inner(number: int) -> Any:\n    from {package}.parts import part\n"
            ),
        ),
    }[kind]
    params = trained_project(tmp_path, package, old, odd + new)
    started = time.monotonic()
    with pytest.raises(StepFault, match=r"evaluate@toy: .* cannot be read .*FileNotFoundError: lo"):
        list(by_workers(params, tmp_path))
    assert time.monotonic() - started < 60


def test_missing_weights_are_named_and_content_that_cannot_travel_is(tmp_path: Path) -> None:
    params = trained_project(
        tmp_path, "judges_lambda", "part.flatness}, part,", "part.flatness}, lambda: part,"
    )
    with pytest.raises(StepFault, match="challenge fields: a question, passed to another process"):
        list(by_workers(params, tmp_path))
    params = trained_project(tmp_path / "other", "judges_bare")
    weights = tmp_path / "other" / "data" / "train" / "toy" / "weights.safetensors"
    weights.unlink()
    with pytest.raises(HeadwaterError, match=r"weights.safetensors: is not there; train toy"):
        list(by_workers(params, tmp_path / "other"))


def test_an_answer_that_cannot_travel_is_a_fault_with_its_reason(tmp_path: Path) -> None:
    old = "    return model * part.field + (1 - model) * part.of_sphere()\n"
    params = trained_project(tmp_path, "judges_local", old, "    return lambda: part\n")
    plugin = tmp_path / "plugin" / "judges_local" / "__init__.py"
    text = plugin.read_text().replace("question.content.rmse(answer)", "0.5")
    plugin.write_text(text)
    os.utime(plugin, (0, 0))
    with pytest.raises(StepFault, match=r"evaluate@toy: the result of judged cannot be passed"):
        list(by_workers(params, tmp_path))


def interrupted_after_one(answers: Iterator[Judged]) -> None:
    next(answers)
    raise KeyboardInterrupt


@pytest.mark.fault("a build that is stopped ends at once and quietly")
def test_who_stops_taking_answers_ends_the_processes(tmp_path: Path) -> None:
    old = "    return model * part.field"
    slow = "    import time\n\n    time.sleep(600 * (part.flatness > 0.4))\n" + old
    params = trained_project(tmp_path, "judges_slow", old, slow)
    system = find_system("toy", params, tmp_path)
    challenge = challenge_of(system, params, tmp_path)
    questions = questions_of(challenge, tmp_path / "data")
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Workers(params, tmp_path, 2) as workers:
        interrupted_after_one(judged_by(workers, system, challenge, questions))
    assert time.monotonic() - started < 120


def test_jobs_are_taken_a_few_ahead_and_given_in_order(tmp_path: Path) -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(40):
            taken.append(job)
            yield job

    def work(job: int) -> int:
        time.sleep(0.02 if job % 2 else 0.0)
        return job

    params = load_params(PROJECT / "params.yaml")
    with Workers(params, tmp_path, 2) as workers:
        for place, outcome in enumerate(workers.in_order(work, jobs())):
            assert outcome == place
            assert len(taken) <= place + 1 + 2 * 2 + 1
    assert taken == list(range(40))


def test_processes_are_no_more_than_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes("cuda") == 1
    monkeypatch.setattr(judges, "cores", lambda: 16)
    monkeypatch.setattr(judges, "_BYTES_EACH", 1)
    assert processes("cpu") == 16
    monkeypatch.setattr(judges, "_BYTES_EACH", 1 << 60)
    assert processes("cpu") == 1
