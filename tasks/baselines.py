"""Step "baselines": the mean head and the landmark fit on every trial of the benchmark."""

from pathlib import Path

from headwater.artifacts.manifest import write_manifest
from headwater.benchmark.baselines import LANDMARK_FIT, MEAN_HEAD, judge_baselines, mean_head
from headwater.benchmark.table import of_system, write_rows
from headwater.benchmark.trials import HELD_OUT, count_trials, read_cases, read_model
from headwater.metrics.summary import summarise
from tasks.command import command
from tasks.console import progress


def main() -> str:
    """Judge the baselines and write their rows."""
    data, out = Path("data"), Path("data/evaluate/baselines")
    model, cases = read_model(data), read_cases(data)
    with progress("baselines", count_trials(data)) as advance:
        rows = judge_baselines(cases, model, mean_head(data, model), advance)
    write_rows(out, rows)
    write_manifest(out)
    mean, fit = (
        summarise(of_system(rows[HELD_OUT], name, 1))["honest_face_mm"]
        for name in (MEAN_HEAD, LANDMARK_FIT)
    )
    return f"{len(cases)} heads: mean head {mean:.2f} mm, landmark fit {fit:.2f} mm"


if __name__ == "__main__":
    command(main)
