"""Step "baselines": the mean head and the landmark fit on every trial of the benchmark."""

from pathlib import Path

from headwater.artifacts.figures import write_figures
from headwater.artifacts.manifest import write_manifest
from headwater.benchmark.baselines import LANDMARK_FIT, MEAN_HEAD, judge_baselines, mean_head
from headwater.benchmark.figures import CHOSEN, figures
from headwater.benchmark.results import write_results
from headwater.benchmark.trials import count_trials, read_cases, read_model
from tasks.command import command
from tasks.console import progress


def main() -> str:
    """Judge the baselines and write their rows, heat maps and figures."""
    data, out = Path("data"), Path("data/evaluate/baselines")
    model, cases = read_model(data), read_cases(data)
    mean = mean_head(data, model)
    with progress("baselines", count_trials(data)) as advance:
        rows = judge_baselines(cases, model, mean, advance)
    write_results(out, rows, mean, model.faces)
    errors = []
    for system in (MEAN_HEAD, LANDMARK_FIT):
        found = write_figures(out / system, figures(system, rows, rows), CHOSEN)
        errors.append(found["face_scan_to_mesh_mm"])
    write_manifest(out)
    return f"{len(cases)} heads: mean head {errors[0]:.2f} mm, landmark fit {errors[1]:.2f} mm"


if __name__ == "__main__":
    command(main)
