"""A trained network judged on cases, as the stage of a system does it."""

from collections.abc import Callable, Sequence
from functools import partial

from headwater.evaluation.challenge import Answerer, Judged
from headwater.evaluation.heads import CHALLENGE
from headwater.evaluation.heads.trials import Case, questions
from headwater.evaluation.judge import judge
from headwater.systems import SYSTEMS
from headwater.systems.glvd.weights import TrainedGlvd


def answering(trained: TrainedGlvd) -> Answerer:
    """A network as what a system answers with."""
    return partial(SYSTEMS["glvd"].answer, trained)


def judged(
    trained: TrainedGlvd,
    cases: Sequence[Case],
    size: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Judged]:
    """Every question about the cases, answered by a network."""
    answerers = {"toy": answering(trained)}
    return list(judge(CHALLENGE, questions(cases), answerers, size, progress))


def sound(answers: Sequence[Judged]) -> list[Judged]:
    """Answers that are looked at and could be judged."""
    return [one for one in answers if one.question.looked_at and one.failure is None]
