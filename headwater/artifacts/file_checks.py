"""Checks of a single artifact, by its kind, once its bytes are known to be as written."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import safe_open

from headwater.artifacts.columns import TableSchema
from headwater.artifacts.glb import from_glb
from headwater.artifacts.meshes import check_head_size, from_ply
from headwater.artifacts.regular_files import read_file, read_json
from headwater.artifacts.row_checks import check_rows
from headwater.artifacts.schemas import TABLES
from headwater.artifacts.tables import read_bucket
from headwater.errors import HeadwaterError

MAX_MESH_BYTES = 2**28
MAX_TEXT_BYTES = 2**25
MAX_PAGE_BYTES = 2**29
MAX_REASON = 200


def schema_of(path: Path) -> TableSchema | None:
    """The schema of a Parquet file by its place; None for a file that is not ours.

    Places are ``<step>/<table>/bucket-*.parquet``, ``<step>/<system>/<table>.parquet`` and
    ``<step>/baselines/<challenge>/<table>.parquet``.
    """
    by_folder = TABLES.get(f"{path.parent.parent.name}/{path.parent.name}")
    steps = [folder.name for folder in path.parents[1:3]]
    single = (TABLES.get(f"{step}/{path.stem}") for step in steps)
    return by_folder or next((schema for schema in single if schema is not None), None)


def check_file(path: Path) -> str | None:
    """Fault of an artifact, None when it is sound or of a kind without rules."""
    check = _CHECKS.get(path.suffix)
    if check is None:
        return None
    try:
        check(path)
    except HeadwaterError as error:
        return str(error).removeprefix(f"{path}: ")
    except Exception as error:  # noqa: BLE001 (no file may keep the others from being checked)
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"cannot be read ({reason[:MAX_REASON]})"
    return None


def _parquet(path: Path) -> None:
    schema = schema_of(path)
    if schema is None:
        raise HeadwaterError("is a table that this version does not know")
    check_rows(schema, read_bucket(path, schema))


def _ply(path: Path) -> None:
    vertices, _ = from_ply(read_file(path, MAX_MESH_BYTES), str(path))
    check_head_size(vertices, str(path))


def _glb(path: Path) -> None:
    vertices, _ = from_glb(read_file(path, MAX_MESH_BYTES), str(path))
    check_head_size(vertices, str(path))


def _safetensors(path: Path) -> None:
    with safe_open(path, framework="numpy") as file:
        for name in list(file.keys()):
            values = file.get_tensor(name)
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise HeadwaterError(f"tensor {name} has values that are not finite numbers")


def _json(path: Path) -> None:
    read_json(path, MAX_TEXT_BYTES)


def _csv(path: Path) -> None:
    text = read_file(path, MAX_TEXT_BYTES).decode()
    lengths = {len(row) for row in csv.reader(io.StringIO(text))}
    if len(lengths) != 1:
        raise HeadwaterError("is empty or its lines have different numbers of values")


def _html(path: Path) -> None:
    if not read_file(path, MAX_PAGE_BYTES).decode().rstrip().endswith("</html>"):
        raise HeadwaterError("does not end with </html>")


_CHECKS: dict[str, Callable[[Path], None]] = {
    ".parquet": _parquet,
    ".ply": _ply,
    ".glb": _glb,
    ".safetensors": _safetensors,
    ".json": _json,
    ".csv": _csv,
    ".html": _html,
}
