"""A trained system at work in several processes, each of which judges the answers about a subject.

Answers do not depend on the process that they come from: each is a function of the weights and of
its question.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby, repeat
from pathlib import Path

import psutil

from headwater.config import Params
from headwater.evaluation.attempt import blaming
from headwater.evaluation.challenge import Challenge, Judged, Question
from headwater.systems import challenge_of, find_system
from headwater.systems.stages import Judging, judging_of
from headwater.systems.system import System
from tasks.workers import Workers, cores

# Torch, the weights and what an answer takes.
_BYTES_EACH = 2 << 30
# The system that this process has loaded, by name.
_at_work: dict[str, Judging] = {}


def processes(device: str) -> int:
    """Processes that a system is put to work in: as many as cores and free memory allow.

    One where they would share a GPU.
    """
    if device != "cpu":
        return 1
    return max(1, min(cores(), psutil.virtual_memory().available // _BYTES_EACH))


def judged_by(
    workers: Workers, system: System, challenge: Challenge, questions: Iterable[Question]
) -> Iterator[Judged]:
    """The judged answers of a system to all questions, in their order.

    Questions about one subject go to one process, which prepares the truth about it once.
    """

    def of_subject(members: Sequence[Question]) -> list[Judged]:
        with blaming(f"challenge {challenge.name}: a question, passed to another process"):
            ours: list[Judged] = workers.insist(judged, f"evaluate@{system.name}", members)
        return [replace(one, question=own) for one, own in zip(ours, members, strict=True)]

    by_subject = groupby(questions, key=lambda one: (one.test_set, one.subject))
    # No question to each worker first: they load the system while the questions are read.
    none: list[Question] = []
    jobs = chain(repeat(none, workers.count), (list(members) for _, members in by_subject))
    for subject in workers.in_order(of_subject, jobs):
        yield from subject


def judged(step: str, params: Params, project: Path, questions: Sequence[Question]) -> list[Judged]:
    """Answers of the system of step "evaluate@<system>", judged; without the questions' content."""
    name = step.partition("@")[2]
    if name not in _at_work:
        system = find_system(name, params, project)
        challenge = challenge_of(system, params, project)
        _at_work[name] = judging_of(system, challenge, params, project)
    return [
        replace(one, question=replace(one.question, content=None))
        for one in _at_work[name](questions)
    ]
