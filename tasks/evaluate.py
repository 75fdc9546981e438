"""Step "evaluate": ``python -m tasks.evaluate <system>``, from weights to figures."""

import os
from pathlib import Path

from headwater.artifacts.manifest import write_manifest
from headwater.benchmark.trials import count_trials
from headwater.config import load_params
from headwater.systems import evaluator
from tasks.command import command, system_name
from tasks.console import progress
from tasks.inputs import recorded_inputs


def main() -> str:
    """Evaluate the system named on the command line."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in training
    name, data = system_name(), Path("data")
    params = load_params(Path("params.yaml"))
    recorded_inputs("evaluate", name, params, Path())
    out = data / "evaluate" / name
    with progress(f"evaluate {name}", count_trials(data)) as advance:
        figures = evaluator(name)(params, data, out, advance)
    write_manifest(out)
    return (
        f"face scan to mesh {figures['face_scan_to_mesh_mm']:.2f} mm "
        f"(mean head {figures['mean_head_face_scan_to_mesh_mm']:.2f}), "
        f"{figures['subjects']} subjects, {figures['failures']} failures"
    )


if __name__ == "__main__":
    command(main)
