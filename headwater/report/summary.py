"""The first lines of the report: what happened, in one paragraph and a few big numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.metrics.strata import ESTIMATED, GIVEN
from headwater.report.counts import Rejection, StepCount
from headwater.report.evaluation import Evaluation
from headwater.report.figures import HEADLINE, leading_camera, of_camera
from headwater.viewer.formats import number, plural

TARGET_RATIO = 0.85
TARGET_NME_PERCENT = 6.0
ALWAYS = ("frames with landmarks", "masks", "face parts", "cameras", "expressions")
# Steps whose tables are computed only where a system of the build trains on them.
FOR_TRAINING = {"sdf": "signed distances", "maps": "maps"}


@dataclass(frozen=True)
class BigNumber:
    """A figure with its unit and what it means."""

    value: str
    unit: str
    label: str
    note: str


@dataclass(frozen=True)
class Summary:
    """sentences: of the opening paragraph."""

    sentences: list[str]
    numbers: list[BigNumber]


def summary(
    steps: Sequence[StepCount],
    views: int | None,
    rejected: Sequence[Rejection],
    evaluation: Evaluation,
    title: str,
) -> Summary:
    """Summarise a build; parts that are missing are left out. title: of the system shown first."""
    by_name = {step.step: step for step in steps}
    items = sum(step.items or 0 for step in steps)
    rejects = sum(one.count for one in rejected)
    sentences = _sentences(by_name, views, items, rejects)
    figures = evaluation.metrics or {}
    camera = leading_camera(figures)
    metrics, given = of_camera(figures, camera), of_camera(figures, GIVEN)
    ours, base = metrics.get(HEADLINE), metrics.get(f"mean_head_{HEADLINE}")
    fit = metrics.get(f"landmark_fit_{HEADLINE}")
    nme = figures.get("real_landmark_nme_percent")
    numbers = []
    if ours is not None and base:
        numbers.append(
            BigNumber(
                number(ours),
                "mm",
                f"{title} face error, camera {camera}",
                f"mean head {number(base)} mm{_beside(fit)}",
            )
        )
        numbers.append(
            BigNumber(
                f"{ours / base:.2f}",
                "×",
                "of the mean head's error",
                f"this project's aim: at most {TARGET_RATIO}",
            )
        )
        alone = camera == ESTIMATED
        how = "one picture alone" if alone else "one picture, its camera and mask"
        beside = _with_camera(given.get(HEADLINE)) if alone else ""
        sentences.append(
            f"From {how} each of {plural(metrics.get('subjects', 0), 'held-out head')}, "
            f"{title} puts the face {number(ours)} mm from the truth on average{beside}; the mean "
            f"head is {number(base)} mm off{_with_fit(fit)}."
        )
    if "subjects" in metrics:
        failures = plural(metrics.get("failures", 0), "failure")
        numbers.append(BigNumber(number(metrics["subjects"]), "", "held-out subjects", failures))
    if nme is not None:
        numbers.append(
            BigNumber(
                number(nme),
                "%",
                "landmark error, real portraits",
                f"this project's aim: below {TARGET_NME_PERCENT:g} %",
            )
        )
    numbers.append(BigNumber(number(items), "", "items built", f"by {len(steps)} steps"))
    numbers.append(BigNumber(number(rejects), "", "rejects", "each with its reason"))
    return Summary(sentences, numbers)


def _beside(fit: float | None) -> str:
    return "" if fit is None else f", landmark fit {number(fit)} mm"


def _with_camera(given: float | None) -> str:
    return "" if given is None else f", with its camera and mask given {number(given)} mm"


def _with_fit(fit: float | None) -> str:
    return "" if fit is None else f", the head model fitted to the landmarks {number(fit)} mm"


def _sentences(
    steps: dict[str, StepCount], views: int | None, items: int, rejects: int
) -> list[str]:
    photos, heads = steps["photos"].items, steps["synthesize"].items
    if photos is None and heads is None:
        return ["Nothing has been built yet."]
    went_in = []
    if photos is not None:
        went_in.append(plural(photos, "photo"))
    if heads is not None:
        seen = f" seen in {plural(views, 'view')}" if views is not None else ""
        went_in.append(f"{plural(heads, 'synthetic head')}{seen}")
    *made, last = [*ALWAYS, *(words for step, words in FOR_TRAINING.items() if steps[step].items)]
    became = f"{' and '.join(went_in)} became {plural(items, 'item')}: "
    became += f"{', '.join(made)} and {last}."
    if not rejects:
        return [became, "Nothing was rejected."]
    lost = f"{plural(rejects, 'input')} could not be processed; each has a reason below."
    return [became, lost]
