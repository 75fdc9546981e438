"""Step "train": ``python -m tasks.train <system>``, from tables to weights."""

import shutil
from pathlib import Path

from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.systems import find_system
from headwater.systems.settings import config_of, steps_of
from headwater.systems.stages import train_stage
from tasks.command import command, system_name
from tasks.inputs import recorded_inputs
from tasks.training_progress import Record, training_progress

CHECKPOINTS = Path(".headwater/checkpoints")


def main() -> str:
    """Train the system named on the command line."""
    name, project = system_name(), Path.cwd()
    params = load_params(project / "params.yaml")
    system = find_system(name, params, project)
    key = recorded_inputs("train", name, params, project)
    checkpoints = project / CHECKPOINTS / name / key[:32]
    total = steps_of(system, config_of(system, params, project))
    with training_progress(f"train {name}", total, _note) as show:
        text = train_stage(system, params, project, checkpoints, show)
    write_manifest(project / "data" / "train" / name)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return text


def _note(record: Record) -> str:
    return f"loss {sum(value for key, value in record.items() if key.endswith('loss')):.4f}"


if __name__ == "__main__":
    command(main)
