"""Step "reads": the tables that the trainings of the build read, and the size of maps.

Steps whose tables are for training alone depend on it, and compute no table that nothing reads.
"""

import json
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.data.face_maps import MapSize
from headwater.errors import HeadwaterError
from headwater.systems.settings import map_size, training_tables
from tasks.command import command

OUT = Path("data/reads")
FILE = "tables.json"
SIZE = "map_size.json"


def main() -> str:
    """Write tables.json (names of tables) and map_size.json ([px, mm], or null without maps)."""
    project = Path.cwd()
    params = load_params(project / "params.yaml")
    text = tables_text(params, project)
    write_text(OUT / FILE, text)
    write_text(OUT / SIZE, size_text(params, project))
    write_manifest(OUT)
    return f"trainings read {len(json.loads(text))} tables"


def tables_text(params: Params, project: Path) -> str:
    """JSON of the names of tables that trainings of the build read."""
    names = [one.name for one in training_tables(params, project)]
    return json.dumps(names, indent=1) + "\n"


def size_text(params: Params, project: Path) -> str:
    """JSON of px and mm of the maps that trainings of the build read, null where none does."""
    size = map_size(params, project)
    return json.dumps(None if size is None else [size.px, size.mm]) + "\n"


def recorded_map_size(project: Path) -> MapSize:
    """The size of maps that this step wrote. Raises HeadwaterError where it wrote none."""
    path = project / OUT / SIZE
    size = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    if size is None:
        raise HeadwaterError(f"{path}: has no size of maps; run the stage reads first")
    return MapSize(*size)


if __name__ == "__main__":
    command(main)
