"""Cost of a build of many photos, of one that changes nothing, and of one photo more, or other."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.outcome import Figure, Outcome
from benchmarks.photo_project import (
    ALL,
    FRAME_PX,
    PHOTOS,
    SIDES_PX,
    Cost,
    PhotoProject,
    photo_project,
    write_photo,
)
from benchmarks.timing import Spread

COUNTS = (1_000, 4_000, 16_000)
# Numbers of photos for all photo steps, which take some hundred times as long as the first.
WHOLE = (1_000, 4_000)
BUCKETS = 256
ROUNDS = 3
EVERY, STEP = "all photo steps", "step photos"
UNCHANGED_GOAL_SECONDS = 5.0
TIMES_GOAL = 500.0
PEAK_GOAL = 1.3

CONDITIONS = {
    "photos": (
        f"JPEG variants of the two built-in portraits, longer side {SIDES_PX[0]} to {SIDES_PX[1]} "
        f"px; {BUCKETS} buckets, frames of {FRAME_PX} px"
    ),
    "build": "whole commands, as `make repro` runs them, with Prefect's server and DVC",
    "steps": (
        f"{', '.join(PHOTOS)} at {', '.join(map(str, COUNTS))}; {', '.join(ALL)} at "
        f"{', '.join(map(str, WHOLE))}"
    ),
    "processor": "seconds of all processes, which other work on the machine hardly changes",
    "one photo": "added, removed and changed in turn",
    "for each photo there is": "difference between the most and the fewest photos",
    "equal": (
        "DVC's record is the clean build's once the added photo is removed, and that of another "
        f"clean build, at {WHOLE[0]}, once a photo is changed"
    ),
}


@dataclass(frozen=True)
class Costs:
    """Costs of builds of one project.

    edits: with a photo more, without it again, with another photo in place of one. computed: of
    each of these, the buckets that were computed. equal: whether the bytes are those of
    clean builds.
    """

    clean: Cost
    unchanged: tuple[Cost, ...]
    edits: tuple[Cost, ...]
    computed: Mapping[str, Mapping[str, int]]
    equal: bool


def measure() -> Outcome:
    """Build projects of each size, and edit them."""
    with tempfile.TemporaryDirectory() as folder:
        whole = {
            count: costs(photo_project(Path(folder, f"whole {count}"), count, BUCKETS, ALL), count)
            for count in WHOLE
        }
        of_photos = {
            count: costs(photo_project(Path(folder, str(count)), count, BUCKETS, PHOTOS), count)
            for count in COUNTS
        }
    return outcome(whole, of_photos)


def costs(project: PhotoProject, count: int) -> Costs:
    """Costs of a project of so many photos whose steps are yet to run."""
    clean, record = project.rebuild(), project.outputs()
    unchanged = tuple(project.rebuild() for _ in range(ROUNDS))
    added, in_added = _edited(project, lambda: write_photo(project.photo(count), count))
    removed, in_removed = _edited(project, project.photo(count).unlink)
    equal = project.outputs() == record
    changed, in_changed = _edited(project, lambda: write_photo(project.photo(0), count + 1))
    if count <= WHOLE[0]:
        record = project.outputs()
        project.forget()
        project.rebuild()
        equal &= project.outputs() == record
    computed = {"added": in_added, "removed": in_removed, "changed": in_changed}
    return Costs(clean, unchanged, (added, removed, changed), computed, equal)


def _edited(project: PhotoProject, edit: Callable[[], None]) -> tuple[Cost, dict[str, int]]:
    """Cost of a build after an edit, and the buckets that it computed, by step."""
    edit()
    before = project.buckets()
    cost, after = project.rebuild(), project.buckets()
    return cost, {step: len(after[step] - before[step]) for step in project.steps}


def outcome(whole: Mapping[int, Costs], of_photos: Mapping[int, Costs]) -> Outcome:
    """Figures of all photo steps, and of the first alone, by number of photos."""
    projects = [(EVERY, count, whole[count]) for count in sorted(whole)]
    projects += [(STEP, count, of_photos[count]) for count in sorted(of_photos)]
    figures = [figure for project in projects for figure in _figures(*project)]
    figures += [*_slopes(EVERY, whole), *_slopes(STEP, of_photos)]
    few, *_, many = sorted(of_photos)
    figures.append(
        Figure(
            f"{STEP}: memory of the largest process, {many} photos to {few}",
            "times",
            Spread((_peak(of_photos[many]) / _peak(of_photos[few]),)),
            PEAK_GOAL,
            at_most=True,
        )
    )
    every = {f"{steps}, {count}": one for steps, count, one in projects}
    found = {
        f"buckets computed ({name})": "; ".join(
            f"photo {edit}: {', '.join(f'{step} {number}' for step, number in numbers.items())}"
            for edit, numbers in one.computed.items()
        )
        for name, one in every.items()
    }
    found["bytes equal"] = f"in {sum(one.equal for one in every.values())} of {len(every)} projects"
    return Outcome("incremental", tuple(figures), CONDITIONS | found)


def _figures(steps: str, count: int, one: Costs) -> list[Figure]:
    name = f"{count} photos, {steps}"
    edits = Spread(tuple(cost.processor for cost in one.edits))
    nothing = Spread(tuple(cost.processor for cost in one.unchanged))
    clock = Spread(tuple(cost.wall for cost in one.unchanged))
    seconds = UNCHANGED_GOAL_SECONDS if count == COUNTS[-1] else None
    times = TIMES_GOAL if count == WHOLE[-1] and steps == EVERY else None
    return [
        Figure(f"{name}: clean build", "s of processor", Spread((one.clean.processor,))),
        Figure(f"{name}: one photo", "s of processor", edits),
        Figure(f"{name}: nothing changed", "s of processor", nothing),
        Figure(f"{name}: nothing changed, on the clock", "s", clock, seconds, at_most=True),
        Figure(f"{name}: clean build to one photo", "times", _times(one.clean, edits), times),
        Figure(f"{name}: clean build to none", "times", _times(one.clean, nothing), times),
    ]


def _times(clean: Cost, others: Spread) -> Spread:
    return Spread(tuple(clean.processor / other for other in others.values))


def _slopes(steps: str, by_count: Mapping[int, Costs]) -> list[Figure]:
    """Processor time for each photo that there is, from the fewest photos to the most."""
    few, *_, many = sorted(by_count)
    a, b = by_count[few], by_count[many]
    return [
        _slope(f"{steps}: clean build", (a.clean,), (b.clean,), many - few),
        _slope(f"{steps}: one photo", a.edits, b.edits, many - few),
        _slope(f"{steps}: nothing changed", a.unchanged, b.unchanged, many - few),
    ]


def _slope(name: str, few: tuple[Cost, ...], many: tuple[Cost, ...], more: int) -> Figure:
    pairs = zip(few, many, strict=True)
    values = tuple(1000 * (b.processor - a.processor) / more for a, b in pairs)
    return Figure(f"{name}, for each photo there is", "ms of processor", Spread(values))


def _peak(one: Costs) -> float:
    return max(cost.peak_mb for cost in (one.clean, *one.edits))
