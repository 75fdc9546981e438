"""The costs of builds of many photos: what is computed of an edit, and the figures made of them."""

from pathlib import Path

import pytest

from benchmarks.incremental import COUNTS, WHOLE, Costs, costs, outcome
from benchmarks.photo_project import PHOTOS, Cost, photo_project


# Four builds, more than a minute; tests/pipeline has the same of steps alone.
@pytest.mark.slow
def test_one_photo_costs_its_bucket_and_gives_the_bytes_of_a_clean_build(tmp_path: Path) -> None:
    found = costs(photo_project(tmp_path / "project", 12, 6, PHOTOS), 12)
    added, removed, changed = (one["photos"] for one in found.computed.values())
    # Without the photo the bucket is one that the cache has; another photo is of another bucket.
    assert (added, removed) == (1, 0)
    assert changed in (1, 2)
    assert found.equal
    assert all(cost.wall > 0 and cost.processor > 0 for cost in found.edits)


def test_figures_are_slopes_and_ratios_of_costs() -> None:
    def made(clean: float, edit: float, nothing: float, peak: float) -> Costs:
        cost = [Cost(2 * one, one, peak) for one in (clean, edit, nothing)]
        edits = {"added": {"photos": 1}, "changed": {"photos": 2}}
        return Costs(cost[0], 3 * (cost[2],), 3 * (cost[1],), edits, equal=True)

    few, many = COUNTS[0], COUNTS[-1]
    photos = {few: made(100, 10, 2, 200), many: made(1600, 13, 2.5, 250)}
    whole = {WHOLE[0]: made(1300, 10, 5, 300), WHOLE[-1]: made(5000, 10, 5, 300)}
    found = outcome(whole, photos)
    figures = {one.name: one for one in found.figures}
    assert len(figures) == len(found.figures)
    times = figures[f"{WHOLE[-1]} photos, all photo steps: clean build to one photo"]
    assert (times.spread.median, times.reached) == (500, True)
    slope = figures["all photo steps: clean build, for each photo there is"]
    assert slope.spread.median == pytest.approx(1000 * 3700 / (WHOLE[-1] - WHOLE[0]))
    slope = figures["step photos: one photo, for each photo there is"]
    assert slope.spread.median == pytest.approx(1000 * 3 / (many - few))
    clock = figures[f"{many} photos, step photos: nothing changed, on the clock"]
    assert (clock.spread.median, clock.reached) == (5, True)
    memory = figures[f"step photos: memory of the largest process, {many} photos to {few}"]
    assert (memory.spread.median, memory.reached) == (1.25, True)
    assert found.conditions["bytes equal"] == "in 4 of 4 projects"
