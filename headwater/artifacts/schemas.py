"""Every table of the pipeline, declared once: columns, types, units, frames and shapes.

A schema's version stands in its metadata and is checked on reading.
"""

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

SCHEMA_VERSION = 1

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MESH = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@dataclass(frozen=True)
class TableSchema:
    """A table: its name "step/table", what a row is, and its Arrow schema."""

    name: str
    row: str
    arrow: pa.Schema

    @property
    def step(self) -> str:
        """The step that writes the table."""
        return self.name.split("/")[0]

    @property
    def table(self) -> str:
        """The table's folder inside its step."""
        return self.name.split("/")[1]


def column(
    name: str,
    kind: pa.DataType,
    about: str,
    *,
    unit: str = "",
    frame: str = "",
    shape: tuple[int, ...] | None = None,
    nullable: bool = False,
) -> pa.Field:
    """A column whose metadata says what it means.

    Arrow's own flag stays "nullable": Hugging Face `datasets` recognises pictures only then. What
    may be empty stands in the metadata as "optional" and is checked on writing.
    """
    notes = {"about": about, "unit": unit, "frame": frame, "optional": "yes" if nullable else ""}
    if shape is not None:
        notes["shape"] = "x".join(str(n) for n in shape)
    return pa.field(name, kind, True, {k: v for k, v in notes.items() if v})


def is_optional(field: pa.Field) -> bool:
    """Whether a column may be empty."""
    return b"optional" in (field.metadata or {})


def floats(count: int) -> pa.DataType:
    """A vector of ``count`` float32."""
    return pa.list_(pa.float32(), count)


def doubles(count: int) -> pa.DataType:
    """A vector of ``count`` float64."""
    return pa.list_(pa.float64(), count)


ORIGIN = (
    column("item", pa.string(), "identifier: 32 hex digits from the content"),
    column("subject", pa.string(), "identifier of the person or head shown"),
    column("split", pa.string(), "train, validation or test; by subject"),
    column("source", pa.string(), "photo or synthetic"),
    column("licence", pa.string(), "licence of the source"),
    column("parent", pa.string(), "item that this one was made from", nullable=True),
    column("source_sha256", pa.string(), "SHA-256 of the source's bytes"),
)


_VALUE_NAMES = {pa.float32(): "float32", pa.float64(): "float64"}


def _features(schema: pa.Schema) -> dict[str, Any]:
    """Hugging Face `datasets` features for the columns that it shows as pictures or meshes."""

    def feature(kind: pa.DataType, name: str) -> Any:
        if kind == IMAGE:
            return {"_type": "Mesh" if name.startswith("mesh") else "Image"}
        if pa.types.is_fixed_size_list(kind):
            value = feature(kind.value_type, "")
            return {"feature": value, "length": kind.list_size, "_type": "List"}
        if pa.types.is_list(kind):
            return {"feature": feature(kind.value_type, ""), "_type": "List"}
        return {"dtype": _VALUE_NAMES.get(kind, str(kind)), "_type": "Value"}

    return {field.name: feature(field.type, field.name) for field in schema}


def _table(name: str, row: str, *fields: pa.Field) -> TableSchema:
    schema = pa.schema(fields)
    metadata = {
        "headwater.table": name,
        "headwater.schema_version": str(SCHEMA_VERSION),
        "headwater.row": row,
        "huggingface": json.dumps({"info": {"features": _features(schema)}}),
    }
    return TableSchema(name, row, schema.with_metadata(metadata))


_SIZE = (
    column("width", pa.int32(), "width of the frame", unit="px"),
    column("height", pa.int32(), "height of the frame", unit="px"),
)

FRAME = (*ORIGIN, column("image", IMAGE, "the frame, 8-bit sRGB PNG"), *_SIZE)

_CAMERA = (
    column("intrinsics", doubles(9), "K, row by row", unit="px", frame="frame", shape=(3, 3)),
    column("rotation", doubles(9), "R, row by row", frame="camera from head", shape=(3, 3)),
    column("translation", doubles(3), "t", unit="mm", frame="camera", shape=(3,)),
)

_LANDMARKS = (
    column(
        "landmarks_68_px", floats(136), "iBUG-68 points", unit="px", frame="frame", shape=(68, 2)
    ),
    column(
        "landmarks_478_px",
        floats(956),
        "MediaPipe face-mesh points",
        unit="px",
        frame="frame",
        shape=(478, 2),
    ),
)

_MESH_DEPTH = (
    column(
        "landmarks_478_depth_px",
        floats(478),
        "relative depth of the points, growing away from the camera, 0 near the head's centre",
        unit="px",
        frame="frame",
        shape=(478,),
    ),
)

_PARTS = (
    "part ids, 8-bit PNG: 0 none, 1 left eye, 2 right eye, 3 left brow, 4 right brow, 5 nose, "
    "6 upper lip, 7 lower lip, 8 skin; left and right are the subject's"
)

PHOTOS = _table(
    "photos/photos",
    "a photo as it was found, upright and in sRGB",
    *ORIGIN,
    column(
        "image",
        IMAGE,
        "the photo, 8-bit sRGB: a JPEG that is upright sRGB already as it is coded, without its "
        "metadata; anything else as PNG",
    ),
    *_SIZE,
    column("file_name", pa.string(), "path inside the photo folder, odd bytes escaped"),
    column("source_format", pa.string(), "format of the file, from its content"),
    column("source_mode", pa.string(), "colour mode before conversion"),
)

HEADS = _table(
    "synthesize/heads",
    "a synthetic head with its exact surface",
    *ORIGIN,
    column("head_model", pa.string(), "name of the parametric model"),
    column("model_fingerprint", pa.string(), "SHA-256 of the model's bases"),
    column("mesh", MESH, "surface, binary PLY", unit="mm", frame="head"),
    column("shape", pa.list_(pa.float32()), "shape coefficients of the model"),
    column("expression", pa.list_(pa.float32()), "expression coefficients of the model"),
)

SYNTHETIC_FRAMES = _table("synthesize/frames", "a rendered view of a head", *FRAME)

TRUTH = _table(
    "synthesize/truth",
    "what is exactly known of a rendered view",
    *ORIGIN,
    column("view", pa.int32(), "number of the view of its head"),
    column("view_kind", pa.string(), "frontal or side"),
    column("width", pa.int32(), "width of the frame", unit="px"),
    column("height", pa.int32(), "height of the frame", unit="px"),
    *_CAMERA,
    *_LANDMARKS,
    column("mask", IMAGE, "head mask, 8-bit PNG, 0 or 255"),
    column("parts", IMAGE, _PARTS),
    column("depth", IMAGE, "z of the camera, 16-bit PNG, 0 where no head", unit="0.1 mm"),
)

FRAMES = _table(
    "ingest/frames",
    "the head-sized part of a photo or of a rendered view",
    *FRAME,
    column("face_box", floats(4), "left, top, right, bottom", unit="px", frame="frame", shape=(4,)),
    column("faces_found", pa.int32(), "faces in the photo; the largest one is used"),
    column("photo_width", pa.int32(), "width of the whole photo", unit="px"),
    column("photo_height", pa.int32(), "height of the whole photo", unit="px"),
    column(
        "frame_from_photo",
        doubles(6),
        "affine map of photo pixels to frame pixels",
        unit="px",
        shape=(2, 3),
    ),
    _LANDMARKS[1],
    *_MESH_DEPTH,
)

LANDMARKS = _table(
    "landmarks/landmarks",
    "landmarks found in a frame",
    *ORIGIN,
    *_LANDMARKS,
    *_MESH_DEPTH,
    column("eye_left", pa.float32(), "eye aspect ratio, subject's left"),
    column("eye_right", pa.float32(), "eye aspect ratio, subject's right"),
    column("mouth", pa.float32(), "mouth aspect ratio"),
)

MASKS = _table(
    "masks/masks",
    "the head mask of a frame",
    *ORIGIN,
    column("mask", IMAGE, "head mask, 8-bit PNG, 0 or 255"),
    column("area_share", pa.float32(), "share of the frame that is head"),
)

PARTS = _table("parts/parts", "the face parts of a frame", *ORIGIN, column("parts", IMAGE, _PARTS))

CAMERAS = _table(
    "cameras/cameras",
    "the camera of a frame, by PnP against the mean head's landmarks",
    *ORIGIN,
    column("width", pa.int32(), "width of the frame", unit="px"),
    column("height", pa.int32(), "height of the frame", unit="px"),
    *_CAMERA,
    column("reprojection_error_px", pa.float32(), "mean over the 68 landmarks", unit="px"),
    column(
        "landmark_nme_percent",
        pa.float32(),
        "the same, of the outer eye-corner distance",
        unit="%",
    ),
)

EXPRESSIONS = _table(
    "expressions/frames",
    "a frame with another expression",
    *FRAME,
    column("edit", pa.string(), "closed_eyes, open_mouth or frown"),
    column("method", pa.string(), "warp (photo edited) or head_model (rendered anew, exact)"),
    column("edited_region", IMAGE, "pixels that may differ from the parent, PNG 0 or 255"),
    column("parts", IMAGE, _PARTS),
    column(
        "landmarks_478_px",
        floats(956),
        "MediaPipe face-mesh points after the edit",
        unit="px",
        frame="frame",
        shape=(478, 2),
    ),
)

SDF = _table(
    "sdf/samples",
    "signed distance samples of one head",
    *ORIGIN,
    column(
        "points_mm",
        pa.list_(floats(3)),
        "sample positions",
        unit="mm",
        frame="head",
    ),
    column("distance_mm", pa.list_(pa.float32()), "negative inside", unit="mm"),
    column("near_surface", pa.list_(pa.bool_()), "near the surface (or uniform in the box)"),
)

ERRORS = _table(
    "evaluate/errors",
    "the error of one evaluated head or photo",
    *ORIGIN,
    column("system", pa.string(), "name of the system"),
    column("face_chamfer_mm", pa.float32(), "ground truth to prediction", unit="mm", nullable=True),
    column("mean_head_face_chamfer_mm", pa.float32(), "mean head", unit="mm", nullable=True),
    column("vertex_error_mm", pa.float32(), "mean over vertices", unit="mm", nullable=True),
    column(
        "landmark_nme_percent",
        pa.float32(),
        "reprojected 68 landmarks, of the outer eye-corner distance",
        unit="%",
        nullable=True,
    ),
    column(
        "mask_iou",
        pa.float32(),
        "silhouette of the reconstruction and the photo's head mask, hair included",
        nullable=True,
    ),
    column("failure", pa.string(), "why there is no figure", nullable=True),
)

_BENCHMARK_ERRORS = (
    ("honest_face_mm", "ground truth to predicted surface, rigid, without scale", "mm"),
    ("reverse_face_mm", "predicted surface to ground truth, same alignment", "mm"),
    ("f_score_1mm", "F-score at 1 mm", ""),
    ("f_score_2mm", "F-score at 2 mm", ""),
    ("f_score_3mm", "F-score at 3 mm", ""),
    ("h3ds_face_mm", "the H3DS protocol's score of the face sphere", "mm"),
    ("h3ds_head_mm", "the H3DS protocol's score of the whole head", "mm"),
    ("nose_mm", "honest error of the nose", "mm"),
    ("mouth_mm", "honest error of the mouth", "mm"),
    ("forehead_mm", "honest error of the forehead", "mm"),
    ("cheeks_mm", "honest error of the cheeks", "mm"),
    ("chin_mm", "honest error of the chin", "mm"),
    ("eyes_mm", "honest error of the eyes", "mm"),
)

BENCHMARK = _table(
    "evaluate/benchmark",
    "every answer of a system or baseline to a trial of the benchmark",
    column("item", pa.string(), "test set, head, system and number of views"),
    column("test_set", pa.string(), "held_out, or other: the other head model's"),
    column("subject", pa.string(), "id of the head"),
    column("system", pa.string(), "name of the system or baseline"),
    column("views", pa.int32(), "how many images it saw"),
    column("yaw_degrees", pa.float64(), "head pose in the first image", unit="degrees"),
    column("expression_mm", pa.float64(), "mean displacement from the neutral face", unit="mm"),
    *(
        column(name, pa.float64(), words, unit=unit, nullable=True)
        for name, words, unit in _BENCHMARK_ERRORS
    ),
    column("failure", pa.string(), "why there is no figure", nullable=True),
)

EXAMPLES = _table(
    "evaluate/examples",
    "a reconstruction to look at: every photo, and the best, median and worst test heads",
    *ORIGIN,
    column("system", pa.string(), "name of the system"),
    column("kind", pa.string(), "photo, best, median or worst"),
    column("image", IMAGE, "the frame that was reconstructed"),
    *_CAMERA,
    column("mesh", MESH, "reconstruction, binary PLY", unit="mm", frame="head"),
    column("mesh_truth", MESH, "true surface, binary PLY", unit="mm", frame="head", nullable=True),
    column(
        "distance_mm",
        pa.list_(pa.float32()),
        "per vertex of the aligned reconstruction: distance to the true surface",
        unit="mm",
        nullable=True,
    ),
    column(
        "steps_mm",
        pa.list_(pa.list_(pa.float32())),
        "vertices after each step of the descent, one flat list of x, y, z per step",
        unit="mm",
        frame="head",
    ),
    column(
        "landmarks_68_px",
        floats(136),
        "landmarks of the reconstruction, projected",
        unit="px",
        frame="frame",
        shape=(68, 2),
    ),
    column(
        "landmarks_68_found_px",
        floats(136),
        "landmarks found in the frame",
        unit="px",
        frame="frame",
        shape=(68, 2),
    ),
)


def rejects_schema(step: str) -> TableSchema:
    """The ``rejects`` table of a step: what could not be processed, and why."""
    return _table(
        f"{step}/rejects",
        "an input that could not be processed",
        column("item", pa.string(), "identifier of the input"),
        column("subject", pa.string(), "identifier that chose the bucket"),
        column("step", pa.string(), "step that rejected it"),
        column("reason", pa.string(), "stable code"),
        column("message", pa.string(), "one sentence: what was wrong and what to do"),
        column("name", pa.string(), "file or parent, for people"),
    )


STEPS = (
    "photos",
    "synthesize",
    "ingest",
    "landmarks",
    "masks",
    "parts",
    "cameras",
    "expressions",
    "sdf",
)

TABLES = {
    schema.name: schema
    for schema in (
        PHOTOS,
        HEADS,
        SYNTHETIC_FRAMES,
        TRUTH,
        FRAMES,
        LANDMARKS,
        MASKS,
        PARTS,
        CAMERAS,
        EXPRESSIONS,
        SDF,
        ERRORS,
        BENCHMARK,
        EXAMPLES,
        *(rejects_schema(step) for step in STEPS),
    )
}
