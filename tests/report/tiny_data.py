"""A tiny folder of data with every table that the report reads."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import trimesh

from headwater.artifacts import schemas
from headwater.artifacts.columns import IMAGE, TableSchema, is_optional, shape_of
from headwater.artifacts.evaluate_schemas import ERRORS, EXAMPLES, PHOTO_HEADS
from headwater.artifacts.ids import bucket_of, item_id
from headwater.artifacts.images import encode_png
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.schemas import rejects_schema
from headwater.artifacts.tables import bucket_file, to_table, write_bucket
from headwater.evaluation.heads.heat_map import write_heat_maps
from headwater.geometry.cameras import Camera, look_at, project
from headwater.geometry.registration import Similarity
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.scan_to_mesh import SurfaceError
from headwater.metrics.strata import ESTIMATED
from tests.evaluation.written_rows import write_rows

SIDE = 48
HOSTILE = (
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(2)>\n\u202e\U0001f642.jpg',
)
SPHERE = trimesh.creation.icosphere(subdivisions=2, radius=90.0)
METRICS = {
    "estimated_face_scan_to_mesh_mm": 1.345678,
    "estimated_failures": 2,
    "estimated_less_given_mm": 0.111,
    "estimated_less_given_mm_low": 0.1,
    "estimated_mean_head_face_scan_to_mesh_mm": 1.601,
    "given_face_scan_to_mesh_mm": 1.234567,
    "given_face_scan_to_mesh_ratio": 0.776,
    "given_f_score_1mm": 0.625,
    "given_failures": 1,
    "given_h3ds_face_mm": 1.1,
    "given_mean_head_face_scan_to_mesh_mm": 1.591,
    "mean_head_vertex_error_mm": 4.321,
    "real_landmark_nme_percent": 3.456,
    "real_photos": 2,
    "given_reverse_face_mm": 1.75,
    "given_subjects": 5,
    "estimated_subjects": 4,
    "vertex_error_mm": 3.21,
}
QUALITY = {
    "all_views": 6,
    "all_detection_rate": 0.5,
    "all_landmark_68_nme_percent_mean": 4.567,
    "all_landmark_68_nme_percent_count": 3,
    "all_part_iou_nose": 0.8125,
    "all_part_iou_mean_mean": 0.71,
    "expressions_frown_warp_count": 4,
    "expressions_frown_warp_right_way_rate": 0.75,
    "rejected_ingest_no_face": 3,
}


def _default(field: pa.Field) -> Any:
    kind, shape = field.type, shape_of(field)
    if kind == IMAGE and shape is not None:
        return encode_png(np.zeros(shape, np.uint8), field.name)
    if pa.types.is_fixed_size_list(kind):
        return [0.0] * kind.list_size
    if pa.types.is_list(kind):
        return []
    if pa.types.is_boolean(kind):
        return False
    return "" if pa.types.is_string(kind) else 0


def row_of(schema: TableSchema, **values: Any) -> dict[str, Any]:
    """A row of the schema; columns that are not given hold zeros."""
    row = {field.name: _default(field) for field in schema.arrow}
    for field in schema.arrow:
        if is_optional(field):
            row[field.name] = None
    return {**row, **values}


def camera() -> Camera:
    """A camera that sees the sphere from the front."""
    R, t = look_at((40.0, 20.0, 600.0), (0.0, 0.0, 0.0))
    K = np.array([[120.0, 0, SIDE / 2], [0, 120.0, SIDE / 2], [0, 0, 1]])
    return Camera(K, R, t, SIDE, SIDE)


def camera_columns() -> dict[str, list[float]]:
    """The camera as columns of a row."""
    one = camera()
    return {
        "intrinsics": one.K.ravel().tolist(),
        "rotation": one.R.ravel().tolist(),
        "translation": one.t.tolist(),
    }


def _picture(seed: int) -> dict[str, Any]:
    noise = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return encode_png(np.kron(noise, np.ones((SIDE // 6, SIDE // 6, 1), np.uint8)), "picture")


def _disc() -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.hypot(x - SIDE / 2, y - SIDE / 2) < SIDE / 3


class Builder:
    """Collects rows by table and writes them as buckets."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[TableSchema, list[dict[str, Any]]]] = {}

    def add(self, schema: TableSchema, **values: Any) -> None:
        """Add a row."""
        self.rows.setdefault(schema.name, (schema, []))[1].append(row_of(schema, **values))

    def write(self, data: Path) -> None:
        """Write all tables, the evaluation's as single files."""
        for name, (schema, rows) in self.rows.items():
            if schema.step in ("evaluate", "reconstruct"):
                path = data / schema.step / "glvd" / f"{schema.table}.parquet"
                write_bucket(path, schema, to_table(schema, rows), "")
                continue
            buckets: dict[int, list[dict[str, Any]]] = {}
            for row in rows:
                buckets.setdefault(bucket_of(row["subject"], 4), []).append(row)
            for number, members in buckets.items():
                path = data / name / bucket_file(number)
                write_bucket(path, schema, to_table(schema, members), "")


def _frames(builder: Builder, item: str, subject: str, source: str, seed: int) -> None:
    base = {"item": item, "subject": subject, "split": "test", "source": source}
    size = {"width": SIDE, "height": SIDE}
    parts = np.where(_disc(), 8, 0).astype(np.uint8)
    parts[20:24, 16:20] = 5
    points = np.random.default_rng(seed).uniform(8, 40, 956).tolist()
    builder.add(schemas.FRAMES, **base, **size, image=_picture(seed), faces_found=1 + seed % 2)
    builder.add(schemas.LANDMARKS, **base, landmarks_68_px=points[:136], landmarks_478_px=points)
    builder.add(schemas.MASKS, **base, mask=encode_png(_disc(), "mask"))
    builder.add(schemas.PARTS, **base, parts=encode_png(parts, "parts"))
    builder.add(schemas.CAMERAS, **base, **size, **camera_columns(), landmark_nme_percent=3.0)
    edited = {**base, "parent": item, **size, "parts": encode_png(parts, "parts")}
    for edit in ("closed_eyes", "open_mouth", "frown"):
        builder.add(
            schemas.EXPRESSIONS,
            **{**edited, "item": item_id(item, edit)},
            image=_picture(seed + 1),
            edit=edit,
            method="warp",
            edited_region=encode_png(_disc(), "region"),
            landmarks_478_px=points,
        )


def _synthetic(builder: Builder, number: int) -> None:
    head = item_id("head", number)
    base = {"subject": head, "split": "test", "source": "synthetic", "licence": "CC0-1.0"}
    mesh = {"bytes": to_ply(SPHERE.vertices, SPHERE.faces), "path": "head.ply"}
    builder.add(schemas.HEADS, **base, item=head, head_model="toy", mesh=mesh)
    builder.add(schemas.SDF, **base, item=head)
    for view in range(2):
        item = item_id("view", head, view)
        points = np.random.default_rng(number).uniform(8, 40, 956).tolist()
        size = {"width": SIDE, "height": SIDE}
        image = _picture(10 + number)
        builder.add(schemas.SYNTHETIC_FRAMES, **base, item=item, parent=head, image=image, **size)
        builder.add(
            schemas.TRUTH,
            **base,
            **size,
            **camera_columns(),
            item=item,
            view=view,
            view_kind="side" if view else "frontal",
            landmarks_68_px=points[:136],
            landmarks_478_px=points,
            mask=encode_png(_disc(), "mask"),
            parts=encode_png(_disc().astype(np.uint8), "parts"),
            depth=encode_png(_disc().astype(np.uint16) * 6000, "depth"),
            classes=encode_png(_disc().astype(np.uint8), "classes"),
        )
        _frames(builder, item, head, "synthetic", number)


def _example(builder: Builder, item: str, kind: str) -> None:
    rng = np.random.default_rng(4)
    vertices = SPHERE.vertices.astype(np.float32)
    steps = [rng.normal(0, 20, vertices.shape), vertices * 0.8, vertices]
    pixels, _ = project(camera(), vertices[:68])
    mesh = {"bytes": to_ply(vertices, SPHERE.faces), "path": "mesh.ply"}
    looks = {
        "item": item,
        "subject": item,
        "split": "test",
        "system": "glvd",
        "image": _picture(3),
        **camera_columns(),
        "mesh": mesh,
        "steps_mm": [step.ravel().tolist() for step in steps],
        "landmarks_68_px": pixels.ravel().tolist(),
        "landmarks_68_detected_px": (pixels + 1).ravel().tolist(),
    }
    if kind == "photo":
        builder.add(PHOTO_HEADS, **looks, source="photo", landmark_nme_percent=3.0, mask_iou=0.9)
        return
    distances = np.linspace(0, 8, len(vertices)).tolist()
    known = {"mesh_truth": mesh, "distance_mm": distances}
    builder.add(EXAMPLES, **looks, source="synthetic", kind=kind, **known)


def _errors(builder: Builder) -> None:
    for number in range(5):
        item = item_id("tested", number)
        builder.add(
            ERRORS,
            item=item,
            subject=item,
            split="test",
            source="synthetic",
            system="glvd",
            face_scan_to_mesh_mm=1.0 + 0.1 * number,
            mean_head_face_scan_to_mesh_mm=1.25,
            vertex_error_mm=2.0,
        )
    item = item_id("tested", "failed")
    failed = {"item": item, "subject": item, "split": "test", "source": "synthetic"}
    builder.add(ERRORS, **failed, system="glvd", failure="<b>no</b> alignment")


def _benchmark(data: Path) -> None:
    for folder, systems in {
        "baselines/heads": ("mean_head", "landmark_fit"),
        "glvd": ("glvd",),
    }.items():
        rows = [
            BenchmarkRow(
                item_id("tested", number),
                system,
                1,
                20.0 * view,
                float(number),
                first_view=view,
                size="small" if system == "glvd" else None,
                face_scan_to_mesh_mm=1.0 + 0.1 * number,
                regions_mm={"nose": 1.5},
                heat=_heat(),
            )
            for system in systems
            for number in range(5)
            for view in (0, 1)
        ]
        write_rows(data / "evaluate" / folder, {"held_out": [*rows, *_alone(rows)]})
        write_heat_maps(data / "evaluate" / folder, rows, SPHERE.vertices, SPHERE.faces)


def _alone(rows: list[BenchmarkRow]) -> list[BenchmarkRow]:
    """The frontal views as images alone; in the last one no face is found."""
    more = 0.15 if rows[0].system == "glvd" else 0.0
    return [
        replace(
            row,
            camera=ESTIMATED,
            yaw_degrees=math.nan if row.face_scan_to_mesh_mm > 1.35 else 2.0,
            failure="no face" if row.face_scan_to_mesh_mm > 1.35 else None,
            face_scan_to_mesh_mm=row.face_scan_to_mesh_mm + more
            if row.face_scan_to_mesh_mm <= 1.35
            else math.nan,
        )
        for row in rows
        if row.first_view == 0
    ]


def _heat() -> SurfaceError:
    region = np.flatnonzero(SPHERE.vertices[:, 2] > 0.0)
    distances = np.linspace(0.0, 2.5, len(region))
    return SurfaceError(distances, region, aligned=True, transform=Similarity.identity())


def write_data(data: Path) -> None:
    """Write the whole tiny folder."""
    builder = Builder()
    for number, name in enumerate(HOSTILE):
        item = item_id("photo", name)
        origin = {"item": item, "subject": item, "split": "train", "source": "photo"}
        builder.add(
            schemas.PHOTOS,
            **origin,
            licence="public domain",
            image=_picture(number),
            file_name=name,
        )
        _frames(builder, item, item, "photo", number)
        _example(builder, item, "photo")
        builder.add(
            rejects_schema("photos"),
            item=item_id(name),
            subject=item_id(name),
            step="photos",
            reason="empty_file",
            message="The file <b>has</b> zero bytes.",
            name=name,
        )
    for number in range(3):
        _synthetic(builder, number)
    for kind in ("best", "median", "worst"):
        _example(builder, item_id(kind), kind)
    _errors(builder)
    builder.write(data)
    evaluated, trained = data / "evaluate" / "glvd", data / "train" / "glvd"
    trained.mkdir(parents=True)
    of_photos = {name: value for name, value in METRICS.items() if name.startswith("real_")}
    of_heads = {name: value for name, value in METRICS.items() if name not in of_photos}
    (evaluated / "figures.json").write_text(json.dumps(of_heads))
    (data / "reconstruct" / "glvd" / "figures.json").write_text(json.dumps(of_photos))
    (evaluated / "descent.csv").write_text("step,vertex_error_mm\n0,70\n1,20\n2,4\n")
    (trained / "loss.csv").write_text("step,keypoint_loss,vertex_loss\n1,3,2\n2,2,1\n3,1,0.5\n")
    _benchmark(data)
    (data / "quality").mkdir()
    (data / "quality" / "figures.json").write_text(json.dumps(QUALITY))
