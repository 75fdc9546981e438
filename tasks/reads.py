"""Step "reads": the tables that trainings of the build read.

A step whose table is for training alone depends on it, and computes nothing that nothing reads.
"""

import json
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.systems.settings import training_tables
from tasks.command import command

OUT = Path("data/reads")


def main() -> str:
    """Write tables.json: names of tables."""
    project = Path.cwd()
    names = [one.name for one in training_tables(load_params(project / "params.yaml"), project)]
    write_text(OUT / "tables.json", json.dumps(names, indent=1) + "\n")
    write_manifest(OUT)
    return f"trainings read {len(names)} tables"


if __name__ == "__main__":
    command(main)
