"""Reasons for which pictures have no place in the tables of what is detected in them."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

from headwater.artifacts.schemas import rejects_schema
from headwater.artifacts.tables import read_bucket, table_files

# The way of a photo, step by step, to its landmarks, mask and camera.
REJECTS: Final = tuple(rejects_schema(step) for step in ("ingest", "landmarks", "masks", "cameras"))
UNKNOWN: Final = "The steps from ingest to cameras have no row of the view; run them again."


def rejections(data: Path, items: Collection[str]) -> dict[str, str]:
    """Sentences on why steps rejected some of ``items``, by item. data: folder of the tables."""
    wanted = set(items)
    found: dict[str, str] = {}
    for schema in REJECTS:
        for path in table_files(data, schema):
            for row in read_bucket(path, schema, ["item", "message"]).to_pylist():
                if row["item"] in wanted:
                    found.setdefault(row["item"], row["message"])
    return found
