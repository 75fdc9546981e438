"""A small but complete build, with every kind of artifact, made without any model."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import safetensors.numpy
import trimesh
from PIL import Image

from headwater.artifacts import schemas
from headwater.artifacts.columns import IMAGE, TableSchema, shape_of
from headwater.artifacts.glb import to_glb
from headwater.artifacts.ids import bucket_of, item_id, sha256_hex, split_of
from headwater.artifacts.images import encode_png
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.schemas import TABLES, rejects_schema
from headwater.artifacts.tables import Row, bucket_file, to_table, write_bucket

BUCKETS = 3
SIDE = 24
RANDOM = np.random.default_rng(5)


def head_mesh() -> tuple[np.ndarray, np.ndarray]:
    """A ball of head size."""
    ball = trimesh.creation.icosphere(subdivisions=1, radius=110.0)
    return np.asarray(ball.vertices), np.asarray(ball.faces)


def ply() -> dict[str, Any]:
    return {"bytes": to_ply(*head_mesh()), "path": "head.ply"}


def picture(shape: tuple[int, ...] = (SIDE, SIDE)) -> dict[str, Any]:
    return encode_png(RANDOM.integers(0, 256, shape, dtype=np.uint8), "picture")


def jpeg_picture() -> dict[str, Any]:
    buffer = io.BytesIO()
    pixels = RANDOM.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return {"bytes": buffer.getvalue(), "path": "picture.jpg"}


SPECIAL: dict[str, Any] = {
    "width": SIDE,
    "height": SIDE,
    "intrinsics": [500.0, 0, 12, 0, 500.0, 12, 0, 0, 1],
    "rotation": np.eye(3).ravel().tolist(),
    "frame_from_photo": [1.0, 0, 0, 0, 1.0, 0],
    "parent": None,
    "failure": None,
}


def value_of(field: pa.Field) -> Any:
    """A valid value for a column."""
    if field.name in SPECIAL:
        return SPECIAL[field.name]
    kind = field.type
    if kind == IMAGE:
        return ply() if field.name.startswith("mesh") else picture(shape_of(field) or (SIDE, SIDE))
    if pa.types.is_fixed_size_list(kind):
        return RANDOM.normal(size=kind.list_size).astype(np.float32).tolist()
    if pa.types.is_list(kind):
        return [value_of(pa.field("", kind.value_type)) for _ in range(5)]
    if pa.types.is_string(kind):
        return "words"
    return bool(RANDOM.integers(2)) if pa.types.is_boolean(kind) else int(RANDOM.integers(1, 90))


def row_of(schema: TableSchema, item: str, subject: str, **changes: Any) -> Row:
    """A valid row of any table."""
    row = {field.name: value_of(field) for field in schema.arrow} | {
        "item": item,
        "subject": subject,
    }
    if schema is schemas.PHOTOS:
        row["image"] = jpeg_picture()
    if "split" in row:
        row["split"] = split_of(subject, 7, 0.3, 0.1)
        row["source"] = "photo"
        row["source_sha256"] = sha256_hex(item.encode())
    return {**row, **changes}


def write_rows(data: Path, schema: TableSchema, rows: list[Row]) -> None:
    for bucket in range(BUCKETS):
        inside = [row for row in rows if bucket_of(row["subject"], BUCKETS) == bucket]
        path = data / schema.step / schema.table / bucket_file(bucket)
        write_bucket(path, schema, to_table(schema, inside), f"key-{schema.step}-{bucket}")


def build(data: Path) -> None:
    """Write the whole build below ``data``, with manifests."""
    photos = [item_id("photo", n) for n in range(3)]
    heads = [item_id("head", n) for n in range(3)]
    lost = photos[2]
    views = {item_id("view", head): head for head in heads}
    subjects = {**{photo: photo for photo in photos[:2]}, **views}
    write_rows(data, schemas.PHOTOS, [row_of(schemas.PHOTOS, p, p) for p in photos])
    write_rows(data, schemas.HEADS, [row_of(schemas.HEADS, h, h) for h in heads])
    for schema in (schemas.SYNTHETIC_FRAMES, schemas.TRUTH):
        write_rows(data, schema, [row_of(schema, v, h, parent=h) for v, h in views.items()])
    for schema in (
        schemas.FRAMES,
        schemas.LANDMARKS,
        schemas.MASKS,
        schemas.PARTS,
        schemas.CAMERAS,
    ):
        write_rows(data, schema, [row_of(schema, i, s) for i, s in subjects.items()])
    write_rows(
        data,
        schemas.EXPRESSIONS,
        [row_of(schemas.EXPRESSIONS, item_id("edit", i), s, parent=i) for i, s in subjects.items()],
    )
    write_rows(
        data,
        schemas.MAPS,
        [row_of(schemas.MAPS, item_id("maps", i), s, parent=i) for i, s in subjects.items()],
    )
    write_rows(data, schemas.SDF, [row_of(schemas.SDF, h, h) for h in heads])
    for step in schemas.STEPS:
        rejects = rejects_schema(step)
        write_rows(data, rejects, [row_of(rejects, lost, lost)] if step == "ingest" else [])
        write_manifest(data / step)
    _whole_steps(data, heads)


def _whole_steps(data: Path, heads: list[str]) -> None:
    evaluation = data / "evaluate" / "glvd"
    for name in ("evaluate/errors", "evaluate/scores", "evaluate/examples"):
        schema = TABLES[name]
        rows = [row_of(schema, head, head) for head in heads]
        write_bucket(evaluation / f"{schema.table}.parquet", schema, to_table(schema, rows), "")
    (evaluation / "meshes").mkdir()
    (evaluation / "meshes" / "one.ply").write_bytes(to_ply(*head_mesh()))
    (evaluation / "meshes" / "one.glb").write_bytes(to_glb(*head_mesh()))
    (evaluation / "metrics.json").write_text(json.dumps({"face_scan_to_mesh_mm": 1.25}))
    (evaluation / "descent.csv").write_text("step,error_mm\n0,30.5\n1,2.5\n")
    training = data / "train" / "glvd"
    training.mkdir(parents=True)
    weights = {"layer.weight": RANDOM.normal(size=(8, 8)).astype(np.float32)}
    safetensors.numpy.save_file(weights, training / "weights.safetensors")
    (training / "loss.csv").write_text("iteration,loss\n1,0.5\n")
    (data / "quality").mkdir()
    (data / "quality" / "metrics.json").write_text(json.dumps({"mask_iou": 0.97}))
    (data / "report").mkdir()
    (data / "report" / "index.html").write_text("<!doctype html><html><p>page</p></html>\n")
    (data / "portraits").mkdir()
    (data / "portraits" / "one.png").write_bytes(picture()["bytes"])
    for folder in (evaluation, training, data / "quality", data / "report", data / "portraits"):
        write_manifest(folder)
