"""Step "contents": hashes of the rows that systems train on, are judged on, and reconstruct.

Stages that read whole tables depend on these files instead of the tables, so that they run again
only when rows that they read have changed.
"""

import json
from pathlib import Path
from typing import Any

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import sha256_of_file, write_manifest
from headwater.artifacts.schemas import (
    CAMERAS,
    FRAMES,
    HEADS,
    LANDMARKS,
    MASKS,
    SDF,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.config import load_params
from headwater.datasets.contents import of_groups, table_contents
from tasks.command import command
from tasks.head_model import FILE, head_model

OUT = Path("data/contents")
OTHER = Path("data/other_heads")
SPLITS = ("train", "validation", "test")
RENDERED = (HEADS, SYNTHETIC_FRAMES, TRUTH, FRAMES, LANDMARKS)
PHOTOGRAPHED = (FRAMES, LANDMARKS, MASKS, CAMERAS)


def main() -> str:
    """Write training.json, benchmark.json and photos.json."""
    project, data = Path.cwd(), Path("data")
    params = load_params(project / "params.yaml")
    model = {"head_model": head_model(params, project).fingerprint}
    tables = {*RENDERED, *PHOTOGRAPHED, SDF}
    contents = table_contents(data, sorted(tables, key=lambda schema: schema.name))

    def rows(schemas: tuple[Any, ...], source: str, splits: tuple[str, ...]) -> dict[str, Any]:
        chosen = {schema.name: contents[schema.name] for schema in schemas}
        return {**model, "rows": of_groups(chosen, source, splits)}

    _write("training", rows((*RENDERED, SDF), "synthetic", ("train",)))
    _write("benchmark", {**rows(RENDERED, "synthetic", ("test",)), "other": _other_heads()})
    _write("photos", rows(PHOTOGRAPHED, "photo", SPLITS))
    write_manifest(OUT)
    return f"{len(tables)} tables"


def _other_heads() -> dict[str, Any]:
    """The test set of another head model, {} where there is none."""
    model = OTHER / FILE.parent.name / FILE.name
    if not model.is_file():
        return {}
    return {"head_model": sha256_of_file(model), "rows": table_contents(OTHER, RENDERED)}


def _write(name: str, content: dict[str, Any]) -> None:
    write_text(OUT / f"{name}.json", json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    command(main)
