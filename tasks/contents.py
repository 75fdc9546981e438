"""Step "contents": hashes of the rows of all tables that systems and challenges read.

Stages that read whole tables depend on hashes of rows instead, so that they run again only when
rows that they read have changed.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from headwater.artifacts.atomic import write_text
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.manifest import sha256_of_file, write_manifest
from headwater.artifacts.schemas import (
    CAMERAS,
    EXPRESSIONS,
    FRAMES,
    HEADS,
    LANDMARKS,
    MAPS,
    MASKS,
    PARTS,
    SDF,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.config import load_params
from headwater.data.contents import Contents, rejected_contents, table_contents
from headwater.data.rejections import REJECTS
from tasks.command import command
from tasks.head_model import FILE, head_model

OUT = Path("data/contents")
OTHER = Path("data/other_heads")
RENDERED = (CAMERAS, FRAMES, HEADS, LANDMARKS, MASKS, SYNTHETIC_FRAMES, TRUTH)
TABLES = (*RENDERED, EXPRESSIONS, MAPS, PARTS, SDF)


def main() -> str:
    """Write tables.json: hashes by table, source and split, and those of the other test set."""
    project, data = Path.cwd(), Path("data")
    params = load_params(project / "params.yaml")
    content = {
        "head_model": head_model(params, project).fingerprint,
        "rows": _rows(data, TABLES),
        "other": _other_heads(),
    }
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    write_text(OUT / "tables.json", text)
    write_manifest(OUT)
    return f"rows of {len(TABLES)} tables hashed"


def _rows(data: Path, tables: Iterable[TableSchema]) -> Contents:
    return {**table_contents(data, tables), **rejected_contents(data, REJECTS)}


def _other_heads() -> dict[str, Any]:
    """The test set of another head model, {} where there is none."""
    model = OTHER / FILE.parent.name / FILE.name
    if not model.is_file():
        return {}
    return {"head_model": sha256_of_file(model), "rows": _rows(OTHER, RENDERED)}


if __name__ == "__main__":
    command(main)
