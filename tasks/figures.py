"""Step "figures": the main figures of all systems, and their curves, as DVC shows them.

``data/figures/metrics`` holds, by challenge, a file of a dozen figures for every system and, below
``baselines``, every baseline; ``plots`` one table a chart, of all systems of a challenge, or of
one where it is a loss: system, place, value, low, high. A system or a challenge more is shown
without a word about it elsewhere.
"""

import csv
import io
import json
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.figures import METRICS
from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.evaluation.challenge import Challenge, Score
from headwater.evaluation.scores import BASELINES, read_scores
from headwater.evaluation.summary import bins
from headwater.systems import known_challenges
from tasks.command import command

DATA = Path("data")
OUT = DATA / "figures"
# Charts of each challenge: folder of systems, file, and the column drawn over the first one.
CURVES = (
    ("validation", "train", "loss.csv", "validation"),
    ("descent", "evaluate", "descent.csv", "vertex_error_mm"),
)
LOSS = "loss"
HEADER = ("system", "place", "value", "low", "high")
Line = tuple[str, float, float, float, float]


def main() -> str:
    """Gather figures and curves of everything that is built."""
    project = Path.cwd()
    params = load_params(project / "params.yaml")
    shutil.rmtree(OUT, ignore_errors=True)
    metrics = dict(_metrics(params.build))
    for place, figures in metrics.items():
        text = json.dumps(figures, indent=2, sort_keys=True)
        write_text(OUT / "metrics" / f"{place}.json", text + "\n")
    challenges = known_challenges(params, project)
    for name in sorted(set(params.build.values())):
        for stratum, lines in by_stratum(challenges[name], _scores(name, params.build)):
            _write(f"{name} by {stratum}", lines)
        systems = sorted(one for one, answers in params.build.items() if answers == name)
        for chart, place, file, column in CURVES:
            paths = [DATA / place / system / file for system in systems]
            _write_curves(f"{name} {chart}", paths, column)
    # Losses of two systems are not of one size.
    for system in sorted(params.build):
        _write_curves(f"loss of {system}", [DATA / "train" / system / "loss.csv"], LOSS)
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


def _write_curves(name: str, paths: Iterable[Path], column: str) -> None:
    lines = [line for path in paths if path.is_file() for line in curve(path, column)]
    if lines:
        _write(name, lines)


def _metrics(build: Mapping[str, str]) -> Iterator[tuple[str, dict[str, float]]]:
    """Figures of every baseline and system of the build, by challenge and name."""
    for challenge in sorted(set(build.values())):
        for path in sorted((DATA / "evaluate" / BASELINES / challenge).glob(f"*/{METRICS}")):
            yield f"{challenge}/{BASELINES}/{path.parent.name}", _read(path)
    for system, challenge in sorted(build.items()):
        found: dict[str, float] = {}
        for place in ("evaluate", "reconstruct"):
            found |= _read(DATA / place / system / METRICS)
        if found:
            yield f"{challenge}/{system}", found


def _read(path: Path) -> dict[str, float]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _scores(challenge: str, build: Mapping[str, str]) -> list[Score]:
    """Scores of the challenge's baselines, then of its systems of the build."""
    systems = sorted(name for name, answers in build.items() if answers == challenge)
    folders = [f"{BASELINES}/{challenge}", *systems]
    scores = [score for one in folders for score in read_scores(DATA / "evaluate" / one)]
    return [score for score in scores if score.challenge == challenge]


def _write(name: str, lines: Iterable[Line]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    for system, *numbers in lines:
        writer.writerow([system, *("" if math.isnan(n) else f"{n:.6g}" for n in numbers)])
    write_text(OUT / "plots" / f"{name.replace(' ', '_')}.csv", buffer.getvalue())


if __name__ == "__main__":
    command(main)
