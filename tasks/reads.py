"""Step "reads": the tables that trainings of the build read.

A step whose table is for training alone depends on it, and computes nothing that nothing reads.
"""

import json
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.systems.settings import training_tables
from tasks.command import command

OUT = Path("data/reads")
FILE = "tables.json"


def main() -> str:
    """Write tables.json: names of tables."""
    project = Path.cwd()
    text = tables_text(load_params(project / "params.yaml"), project)
    write_text(OUT / FILE, text)
    write_manifest(OUT)
    return f"trainings read {len(json.loads(text))} tables"


def tables_text(params: Params, project: Path) -> str:
    """JSON of the names of tables that trainings of the build read."""
    names = [one.name for one in training_tables(params, project)]
    return json.dumps(names, indent=1) + "\n"


if __name__ == "__main__":
    command(main)
