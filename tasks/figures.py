"""Step "figures": the main figures of all systems, and their curves, as DVC shows them.

``data/figures/metrics`` holds a file of a dozen figures for every system and baseline, and
``plots`` one table a chart, of all systems: system, place, value, low, high. A system or a
challenge more is shown without a word about it elsewhere.
"""

import csv
import io
import json
import math
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.figures import METRICS
from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.evaluation.challenge import Challenge, Score
from headwater.evaluation.scores import read_all
from headwater.evaluation.summary import bins
from headwater.systems import known_challenges
from tasks.command import command

DATA = Path("data")
OUT = DATA / "figures"
# Chart, files, and the column that is drawn over the first one.
CURVES = (
    ("loss", "train/*/loss.csv", "loss"),
    ("validation", "train/*/loss.csv", "validation"),
    ("descent", "evaluate/*/descent.csv", "vertex_error_mm"),
)
HEADER = ("system", "place", "value", "low", "high")
Line = tuple[str, float, float, float, float]


def main() -> str:
    """Gather figures and curves of everything that is built."""
    project = Path.cwd()
    params = load_params(project / "params.yaml")
    shutil.rmtree(OUT, ignore_errors=True)
    metrics = {
        **_metrics(sorted((DATA / "evaluate" / "baselines").glob(f"*/*/{METRICS}"))),
        **_metrics(sorted((DATA / "evaluate").glob(f"*/{METRICS}"))),
    }
    for name, figures in _metrics(sorted((DATA / "reconstruct").glob(f"*/{METRICS}"))).items():
        metrics[name] = {**metrics.get(name, {}), **figures}
    for name, figures in metrics.items():
        text = json.dumps(figures, indent=2, sort_keys=True)
        write_text(OUT / "metrics" / f"{name}.json", text + "\n")
    scores = read_all(DATA)
    challenges = known_challenges(params, project)
    for name in sorted(set(params.build.values())):
        own = [score for score in scores if score.challenge == name]
        for stratum, lines in by_stratum(challenges[name], own):
            _write(f"{name} by {stratum}", lines)
    for chart, path, column in CURVES:
        lines = [line for one in sorted(DATA.glob(path)) for line in curve(one, column)]
        if lines:
            _write(chart, lines)
    write_manifest(OUT)
    return f"{len(metrics)} systems and baselines"


def by_stratum(challenge: Challenge, scores: list[Score]) -> Iterator[tuple[str, list[Line]]]:
    """The headline metric of every system in its first test set, by each condition."""
    test_set = scores[0].test_set if scores else ""
    for stratum in challenge.strata:
        lines: list[Line] = []
        for system in dict.fromkeys(score.system for score in scores):
            own = [one for one in scores if (one.system, one.test_set) == (system, test_set)]
            lines += [(system, one.place, *one.value) for one in bins(challenge, stratum, own)]
        yield stratum.name, lines


def curve(path: Path, column: str) -> Iterator[Line]:
    """A column of a CSV file over its first one, of the system whose folder it lies in."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if value := row.get(column):
            place = float(next(iter(row.values())))
            yield path.parent.name, place, float(value), math.nan, math.nan


def _metrics(paths: Iterable[Path]) -> dict[str, dict[str, float]]:
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def _write(name: str, lines: Iterable[Line]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    for system, *numbers in lines:
        writer.writerow([system, *("" if math.isnan(n) else f"{n:.6g}" for n in numbers)])
    write_text(OUT / "plots" / f"{name.replace(' ', '_')}.csv", buffer.getvalue())


if __name__ == "__main__":
    command(main)
