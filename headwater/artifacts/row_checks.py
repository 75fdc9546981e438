"""Checks of the rows of one Parquet file, column by column."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from headwater.artifacts.cameras import CAMERA_COLUMNS, camera_of
from headwater.artifacts.columns import IMAGE, TableSchema, has_gaps, is_optional, shape_of
from headwater.artifacts.ids import ITEM_ID_LENGTH
from headwater.artifacts.images import PICTURE_FORMATS, picture_size
from headwater.artifacts.meshes import check_head_size, from_ply
from headwater.artifacts.schemas import PHOTOS
from headwater.artifacts.tables import Row
from headwater.errors import HeadwaterError

SPLITS = ("train", "validation", "test")
SOURCES = ("photo", "synthetic")
_ID = re.compile(f"[0-9a-f]{{{ITEM_ID_LENGTH}}}")


def check_rows(schema: TableSchema, table: pa.Table) -> None:
    """Check a whole table of ``schema``; raises HeadwaterError naming the first bad row.

    Nothing is empty but optional columns; identifiers are well formed; numbers are finite; pictures
    are PNG (photos also JPEG) of the size that their row or their column states; meshes are sound
    and of head size; cameras have a proper rotation.
    """
    for field in schema.arrow:
        values = table.column(field.name)
        if not is_optional(field) and (values.null_count or has_gaps(values)):
            raise HeadwaterError(f"column {field.name} has empty values")
        _check_finite(field, values)
    looked_at = [field.name for field in schema.arrow if _is_looked_at(field)]
    for row in table.select(looked_at).to_pylist():
        try:
            _check_row(schema, row)
        except HeadwaterError as error:
            raise HeadwaterError(f"row {row['item']}: {error}") from error


def _is_looked_at(field: pa.Field) -> bool:
    """True for a column whose single rows are checked; long lists of numbers are not."""
    return not pa.types.is_nested(field.type) or field.type == IMAGE or field.name in CAMERA_COLUMNS


def _check_finite(field: pa.Field, values: pa.ChunkedArray) -> None:
    for chunk in values.chunks:
        flat = chunk
        while pa.types.is_list(flat.type) or pa.types.is_fixed_size_list(flat.type):
            flat = flat.flatten()
        if pa.types.is_floating(flat.type) and pc.all(pc.is_finite(flat)).as_py() is False:
            raise HeadwaterError(f"column {field.name} has values that are not finite numbers")


def _check_row(schema: TableSchema, row: Row) -> None:
    for name in ("item", "subject"):
        if not _ID.fullmatch(row[name]):
            raise HeadwaterError(f"{name} {row[name]!r} is no identifier")
    if row.get("split", "test") not in SPLITS:
        raise HeadwaterError(f"split {row['split']!r} is none of {', '.join(SPLITS)}")
    if row.get("source", "photo") not in SOURCES:
        raise HeadwaterError(f"source {row['source']!r} is none of {', '.join(SOURCES)}")
    for field in schema.arrow:
        if field.type != IMAGE or (value := row[field.name]) is None:
            continue
        if field.name.startswith("mesh"):
            vertices, _ = from_ply(value["bytes"], field.name)
            check_head_size(vertices, field.name)
        else:
            formats = PICTURE_FORMATS if schema is PHOTOS else ("PNG",)
            _check_picture(field, value["bytes"], row, formats)
    if "intrinsics" in row:
        # Where a row has no size, the image has it, which is checked above.
        camera_of(row, None if "width" in row else (1, 1))


def _check_picture(field: pa.Field, data: bytes, row: Row, formats: tuple[str, ...]) -> None:
    name, size, shape = field.name, picture_size(data, formats), shape_of(field)
    if size is None:
        raise HeadwaterError(f"{name} is no {' or '.join(formats)} picture")
    if shape is not None:
        if size != (shape[1], shape[0]):
            raise HeadwaterError(
                f"{name} is {size[0]} x {size[1]} px instead of {shape[1]} x {shape[0]}"
            )
    elif "width" in row and size != (row["width"], row["height"]):
        raise HeadwaterError(
            f"{name} is {size[0]} x {size[1]} px, the row says {row['width']} x {row['height']}"
        )
