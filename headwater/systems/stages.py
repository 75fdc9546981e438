"""The stages of every system and challenge: training, answers, scores, and their files."""

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from headwater.artifacts.atomic import write_text
from headwater.artifacts.figures import write_figures
from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.evaluation.attempt import UNEXPECTED, blaming
from headwater.evaluation.challenge import Challenge, Counter, Figures, Judged, Question
from headwater.evaluation.checks import name_fault, plain_figures
from headwater.evaluation.judge import judge
from headwater.evaluation.questions import questions_of
from headwater.evaluation.scores import BASELINES, read_scores, scores_of, write_scores
from headwater.evaluation.summary import chosen, figures
from headwater.systems.pictures import write_pictures
from headwater.systems.settings import config_of, settings_of
from headwater.systems.system import System
from headwater.training.run import Progress, Run, check_curve, loss_table, outcome

WEIGHTS: Final = "weights.safetensors"
Judging = Callable[[Iterable[Question]], Iterable[Judged]]


def train_stage(
    system: System,
    params: Params,
    project: Path,
    checkpoints: Path,
    progress: Progress | None = None,
) -> str:
    """Train on the tables of the project; the steps done and those kept, in words.

    Writes weights.safetensors and loss.csv into ``data/train/<system>``.
    """
    # Imported here: torch takes seconds, and other stages do without it.
    from headwater.training.device import chosen_devices
    from headwater.training.processes import train_on

    out = project / "data" / "train" / system.name
    config = config_of(system, params, project)
    settings = settings_of(system, params)
    devices = chosen_devices(
        settings.device, settings.devices, settings.precision, f"systems.{system.name}"
    )
    run = Run(params.seed, checkpoints, progress)
    (out / WEIGHTS).unlink(missing_ok=True)
    curve = train_on(devices, system.train, config, project / "data", run, out / WEIGHTS)
    try:
        check_curve(curve)
    except HeadwaterError as error:
        raise HeadwaterError(f"{system.name}: train {error}") from error
    if not (out / WEIGHTS).is_file():
        raise HeadwaterError(f"{system.name}: train wrote no weights; mend its code")
    write_text(out / "loss.csv", loss_table(curve))
    return outcome(curve)


def trained(system: System, params: Params, project: Path) -> Any:
    """The system's trained model. Raises HeadwaterError where there is none that can be used."""
    config = config_of(system, params, project)
    weights = project / "data" / "train" / system.name / WEIGHTS
    if not weights.is_file():
        raise HeadwaterError(f"{weights}: is not there; train {system.name} with `make repro`")
    return system.load(weights, config, settings_of(system, params).device)


def baselines_stage(
    challenge: Challenge,
    data: Path,
    progress: Counter | None = None,
    systems: Collection[str] = (),
) -> Figures:
    """Judge a challenge's baselines; the leading figure of each.

    systems: names of those that answer the challenge, which no baseline may have. Writes scores,
    and figures of each, into ``data/evaluate/baselines/<challenge>``.
    """
    out = data / "evaluate" / BASELINES / challenge.name
    shutil.rmtree(out, ignore_errors=True)
    with blaming(f"challenge {challenge.name}: baselines"):
        answerers = dict(challenge.baselines(data))
    for name in answerers:
        if fault := name_fault(name, "baseline", systems):
            raise HeadwaterError(f"challenge {challenge.name}: {fault}")
    judged = list(judge(challenge, questions_of(challenge, data), answerers, progress=progress))
    for name in dict.fromkeys(one.system for one in judged):
        answers = [one for one in judged if one.system == name]
        if all((one.failure or "").startswith(UNEXPECTED) for one in answers):
            raise HeadwaterError(
                f"challenge {challenge.name}, baseline {name}: {_unanswered(answers[0])}; mend it"
            )
    scores = list(scores_of(challenge, judged))
    write_scores(out, scores)
    if challenge.extras is not None:
        looked_at = [one for one in judged if one.question.looked_at]
        _figures(
            challenge, "extras", BASELINES, partial(challenge.extras, data, out, looked_at, [])
        )
    headlines: Figures = {}
    for name in dict.fromkeys(one.system for one in judged):
        own = [one for one in scores if one.system == name]
        found = _figures(challenge, "figures", name, partial(figures, challenge, name, own, scores))
        written = write_figures(out / name, found, chosen(challenge, found))
        if challenge.leading.name in written:
            headlines[name] = written[challenge.leading.name]
    return headlines


def judging_of(system: System, challenge: Challenge, params: Params, project: Path) -> Judging:
    """The trained system, at work in this process: it answers questions and is judged."""
    answerers = {system.name: partial(system.answer, trained(system, params, project))}
    size = settings_of(system, params).size
    return lambda questions: judge(challenge, questions, answerers, size)


def evaluate_stage(
    system: System,
    challenge: Challenge,
    params: Params,
    project: Path,
    progress: Counter | None = None,
    judging: Judging | None = None,
) -> Figures:
    """Put all questions of a challenge to a trained system; its figures.

    judging: ``judging_of`` or, in its place, the same in other processes. Writes scores, pictures,
    figures and what the challenge writes beside into ``data/evaluate/<system>``. Raises
    HeadwaterError when no question was answered.
    """
    data, out = project / "data", project / "data" / "evaluate" / system.name
    judging = judging or judging_of(system, challenge, params, project)
    judged = []
    for one in judging(questions_of(challenge, data)):
        judged.append(one)
        if progress is not None:
            progress(1)
    if all(one.failure is not None for one in judged):
        raise HeadwaterError(
            f"{system.name}: {_unanswered(judged[0])}; "
            "mend the system, or train with another size or other overrides"
        )
    scores = list(scores_of(challenge, judged))
    baselines = read_scores(data / "evaluate" / BASELINES / challenge.name)
    shutil.rmtree(out, ignore_errors=True)
    write_scores(out, scores)
    looked_at = [one for one in judged if one.question.looked_at]
    write_pictures(out, challenge, looked_at)
    usual = partial(figures, challenge, system.name, scores, baselines)
    found = _figures(challenge, "figures", system.name, usual)
    if challenge.extras is not None:
        more = partial(challenge.extras, data, out, looked_at, baselines)
        found |= _figures(challenge, "extras", system.name, more)
    return write_figures(out, found, chosen(challenge, found))


def photos_stage(
    system: System,
    challenge: Challenge,
    params: Params,
    project: Path,
    progress: Counter | None = None,
) -> Figures:
    """Answer for the user's photos, where the challenge knows how; the figures.

    Writes what the challenge writes, and the figures, into ``data/reconstruct/<system>``.
    """
    out = project / "data" / "reconstruct" / system.name
    shutil.rmtree(out, ignore_errors=True)
    found: Figures = {}
    if challenge.photos is not None:
        answer = partial(system.answer, trained(system, params, project))
        work = partial(challenge.photos, system.name, answer, project / "data", out, progress)
        found = _figures(challenge, "photos", system.name, work)
    return write_figures(out, found, chosen(challenge, found))


def _figures(
    challenge: Challenge, kind: str, system: str, work: Callable[[], Mapping[str, object]]
) -> Figures:
    """Figures that a challenge makes of a system; its faults are named with both."""
    place = f"challenge {challenge.name}: {kind} of {system}"
    with blaming(place):
        return plain_figures(work(), place)


def _unanswered(first: Judged) -> str:
    question = first.question
    return (
        f"no question was answered; the first, {question.key!r} of subject {question.subject}: "
        f"{first.failure}"
    )
