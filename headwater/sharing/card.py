"""A dataset card as Hugging Face reads it: a page that begins with licence, sizes and features."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

from headwater.artifacts.columns import TableSchema
from headwater.sharing.tables import (
    SPLITS,
    BuiltTable,
    built_tables,
    parts,
    short_licence,
)

# The name by which the hub knows a card.
CARD: Final = "README.md"
# Names of licences on the hub, by ours in small letters.
_LICENCES: Final = frozenset({"apache-2.0", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "mit"})
_STEPS: Final = (10**3, 10**4, 10**5, 10**6, 10**7)
_WORDS: Final = ("1K", "10K", "100K", "1M", "10M")

_TITLE = """\
# 3D heads

Photos and rendered heads with their landmarks, masks, parts, cameras and meshes, built by
Headwater. Lengths are millimetres in the head frame: origin midway between the ear canals, x to the
subject's left, y up, z out of the face. Cameras are OpenCV pinholes; a pixel's centre is at integer
+ 0.5. Rows about the same picture have the same `item`; no `subject` is in two splits. The column
`licence` of each row is that of its source. Every field of the Parquet schemas names its meaning,
unit and frame.
"""


@dataclass
class CardTable:
    """A table of a card: rows and Arrow bytes by split, rows by licence, and bytes of its files.

    has_files: its files lie beside the card, as ``<name>/<split>/*.parquet``.
    """

    name: str
    schema: TableSchema
    bytes: int = 0
    has_files: bool = False
    rows: Counter[str] = field(default_factory=Counter)
    arrow_bytes: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)

    def add(self, split: str, part: pa.Table) -> None:
        """Count rows of a split."""
        self.rows[split] += part.num_rows
        self.arrow_bytes[split] += part.nbytes
        self.licences.update(part.column("licence").to_pylist())

    @property
    def splits(self) -> list[str]:
        """The splits that have rows, training first."""
        return [split for split in SPLITS if self.rows[split]]


def card_of_build(data: Path) -> str:
    """The card of all tables below ``data`` whose rows name split and licence, as Markdown."""
    return card([_of_build(table) for table in built_tables(data) if table.has_origins])


def card(tables: Sequence[CardTable]) -> str:
    """The card of some tables, as Markdown; the first is what is loaded where none is named."""
    most = max((table.rows.total() for table in tables), default=0)
    header = {
        "license": sorted({_hub_name(name) for table in tables for name in table.licences}),
        "pretty_name": "Headwater 3D heads",
        "size_categories": [_size(most)],
        "tags": ["3d", "face", "head", "mesh", "image"],
        **_configs(tables),
        "dataset_info": [_info(table) for table in tables],
    }
    text = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
    return f"---\n{text}---\n\n{_TITLE}\n{_rows(tables)}"


def config_name(place: str) -> str:
    """Name of a table on the hub: ``ingest_frames`` of ``ingest/frames``."""
    return place.replace("/", "_")


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The columns as a card lists them, from what the schema's own metadata tells `datasets`."""
    stated = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    return [{"name": name, **_feature(feature)} for name, feature in stated.items()]


def _feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    kind = feature["_type"]
    if kind == "Value":
        return {"dtype": feature["dtype"]}
    if kind != "List":
        return {"dtype": kind.lower()}
    inner = _feature(feature["feature"])
    length = {"length": feature["length"]} if "length" in feature else {}
    return {"list": inner["dtype"] if list(inner) == ["dtype"] else inner, **length}


def _of_build(table: BuiltTable) -> CardTable:
    counted = CardTable(config_name(table.place), table.schema, table.bytes)
    for _, split, part in parts(table):
        counted.add(split, part)
    return counted


def _configs(tables: Sequence[CardTable]) -> dict[str, Any]:
    configs = [
        {
            "config_name": table.name,
            **({"default": True} if table is tables[0] else {}),
            "data_files": [
                {"split": split, "path": f"{table.name}/{split}/*.parquet"}
                for split in table.splits
            ],
        }
        for table in tables
        if table.has_files
    ]
    return {"configs": configs} if configs else {}


def _info(table: CardTable) -> dict[str, Any]:
    sizes = [
        {"name": one, "num_bytes": table.arrow_bytes[one], "num_examples": table.rows[one]}
        for one in table.splits
    ]
    return {
        "config_name": table.name,
        "features": features(table.schema.arrow),
        "splits": sizes,
        "download_size": table.bytes,
        "dataset_size": table.arrow_bytes.total(),
    }


def _rows(tables: Sequence[CardTable]) -> str:
    lines = ["| table | a row is | rows | licences of the sources |", "|---|---|---|---|"]
    for table in tables:
        rows = ", ".join(f"{split} {table.rows[split]}" for split in table.splits)
        licences = ", ".join(f"{name} {count}" for name, count in sorted(table.licences.items()))
        lines.append(f"| `{table.name}` | {table.schema.row} | {rows} | {_cell(licences)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text of a user on one line, without what ends a cell of a table."""
    return " ".join(text.replace("|", "/").split())


def _hub_name(licence: str) -> str:
    name = short_licence(licence).lower()
    if name in _LICENCES:
        return name
    return "unknown" if name == "unknown" else "other"


def _size(rows: int) -> str:
    """The hub's word for a number of rows."""
    below = next((place for place, limit in enumerate(_STEPS) if rows < limit), len(_STEPS))
    if below == 0:
        return f"n<{_WORDS[0]}"
    return f"n>{_WORDS[-1]}" if below == len(_STEPS) else f"{_WORDS[below - 1]}<n<{_WORDS[below]}"
