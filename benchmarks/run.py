"""``python -m benchmarks.run``: measure everything, write ``benchmarks/results``.

With names of benchmarks it measures these alone, and writes their files but not the table.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    descent,
    face_mesh,
    incremental,
    loading,
    maps,
    parsing,
    part_distances,
    photos,
    pushing,
    rebuild,
    scores,
    sdf,
    spiral,
    storage,
    views,
)
from benchmarks.machine import describe
from benchmarks.outcome import Outcome, markdown
from headwater.artifacts.atomic import write_text

RESULTS = Path(__file__).parent / "results"
BENCHMARKS: dict[str, Callable[[], Outcome]] = {
    "photos": photos.measure,
    "views": views.measure,
    "parsing": parsing.measure,
    "sdf": sdf.measure,
    "scores": scores.measure,
    "descent": descent.measure,
    "loading": loading.measure,
    "part_distances": part_distances.measure,
    "face_mesh": face_mesh.measure,
    "maps": maps.measure,
    "spiral": spiral.measure,
    "pushing": pushing.measure,
    "storage": storage.measure,
    "incremental": incremental.measure,
    "rebuild": rebuild.measure,
}


def main() -> None:
    """Run the benchmarks, print their figures, and write JSON files and the table."""
    machine = describe()
    outcomes = []
    names = sys.argv[1:] or list(BENCHMARKS)
    for name in names:
        outcome = BENCHMARKS[name]()
        outcomes.append(outcome)
        record = {**outcome.as_json(), "machine": machine}
        write_text(RESULTS / f"{name}.json", json.dumps(record, indent=2, sort_keys=True) + "\n")
        for figure in outcome.figures:
            print(f"{outcome.name}: {figure.name} {figure.spread.median:.3g} {figure.unit}")
    if names == list(BENCHMARKS):
        write_text(RESULTS / "README.md", markdown(outcomes, machine))


if __name__ == "__main__":
    main()
