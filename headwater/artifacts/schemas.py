"""Every table of the pipeline, declared once."""

import pyarrow as pa

from headwater.artifacts.columns import (
    IMAGE,
    INGEST_FRAME,
    MESH,
    ORIGIN,
    RENDERED_VIEW,
    TableSchema,
    camera_in,
    column,
    doubles,
    floats,
    table,
)
from headwater.artifacts.evaluate_schemas import (
    ERRORS,
    EXAMPLES,
    HEAT_MAP,
    PHOTO_FAILURES,
    PHOTO_HEADS,
    PICTURES,
    SCORES,
)
from headwater.faces.vocabulary import FaceClass, Part


def _size(of: str) -> tuple[pa.Field, ...]:
    return (
        column("width", pa.int32(), f"width of the {of}", unit="px"),
        column("height", pa.int32(), f"height of the {of}", unit="px"),
    )


def _picture(name: str) -> tuple[pa.Field, ...]:
    return (*ORIGIN, column("image", IMAGE, f"the {name}, 8-bit sRGB PNG"), *_size(name))


def _points(name: str, count: int, about: str, picture: str) -> pa.Field:
    return column(name, floats(2 * count), about, unit="px", frame=picture, shape=(count, 2))


def _landmarks(picture: str) -> tuple[pa.Field, ...]:
    return (
        _points("landmarks_68_px", 68, "iBUG-68 points", picture),
        _points("landmarks_478_px", 478, "MediaPipe face-mesh points", picture),
    )


_MESH_DEPTH = (
    column(
        "landmarks_478_depth_px",
        floats(478),
        "relative depth of the points, growing away from the camera, 0 near the head's centre",
        unit="px",
        frame=INGEST_FRAME,
        shape=(478,),
    ),
)

_PARTS = (
    f"part ids, 8-bit PNG: {', '.join(f'{part.value} {part.title}' for part in Part)}; "
    "left and right are the subject's"
)

_CLASSES = (
    "ids of what the picture shows, hair, glasses and clothes included, 8-bit PNG: "
    f"{', '.join(f'{one.value} {one.title}' for one in FaceClass)}; left and right are the "
    "subject's"
)

PHOTOS = table(
    "photos/photos",
    "a photo as it was found, upright and in sRGB",
    *ORIGIN,
    column(
        "image",
        IMAGE,
        "the photo, 8-bit sRGB: a JPEG that is upright sRGB already as it is coded, without its "
        "metadata; anything else as PNG",
    ),
    *_size("photo"),
    column("file_name", pa.string(), "path inside the photo folder, odd bytes escaped"),
    column("source_format", pa.string(), "format of the file, from its content"),
    column("source_mode", pa.string(), "colour mode before conversion"),
)

HEADS = table(
    "synthesize/heads",
    "a synthetic head with its exact surface",
    *ORIGIN,
    column("head_model", pa.string(), "name of the parametric model"),
    column("model_fingerprint", pa.string(), "SHA-256 of the model's bases"),
    column("mesh", MESH, "surface, binary PLY", unit="mm", frame="head"),
    column("shape", pa.list_(pa.float32()), "shape coefficients of the model"),
    column("expression", pa.list_(pa.float32()), "expression coefficients of the model"),
)

SYNTHETIC_FRAMES = table("synthesize/frames", "a rendered view of a head", *_picture(RENDERED_VIEW))

TRUTH = table(
    "synthesize/truth",
    "what is exactly known of a rendered view",
    *ORIGIN,
    column("view", pa.int32(), "number of the view of its head"),
    column("view_kind", pa.string(), "frontal, side or free"),
    *_size(RENDERED_VIEW),
    *camera_in(RENDERED_VIEW),
    *_landmarks(RENDERED_VIEW),
    column("mask", IMAGE, "head mask, 8-bit PNG, 0 or 255"),
    column("parts", IMAGE, f"{_PARTS}; of the bare head"),
    column("classes", IMAGE, _CLASSES),
    column("depth", IMAGE, "z of the camera, 16-bit PNG, 0 where no head", unit="0.1 mm"),
)

FRAMES = table(
    "ingest/frames",
    "the head-sized part of a photo or of a rendered view, turned until the eye line is level; "
    "beyond the photo its border is replicated",
    *_picture(INGEST_FRAME),
    column(
        "face_box", floats(4), "left, top, right, bottom", unit="px", frame=INGEST_FRAME, shape=(4,)
    ),
    column(
        "face_crop",
        IMAGE,
        "the face alone, of one size, brightness and sharpness, in which its landmarks are found",
        unit="px",
        shape=(192, 192, 3),
    ),
    column("faces_found", pa.int32(), "faces in the photo"),
    column("denoised", pa.bool_(), "the face shows only in a copy without noise, as this one is"),
    column("photo_width", pa.int32(), "width of the whole photo", unit="px"),
    column("photo_height", pa.int32(), "height of the whole photo", unit="px"),
    column(
        "frame_from_photo",
        doubles(6),
        "similarity map of px of the photo or rendered view to px of the ingest frame",
        unit="px",
        shape=(2, 3),
    ),
)

LANDMARKS = table(
    "landmarks/landmarks",
    "landmarks found in a frame",
    *ORIGIN,
    *_landmarks(INGEST_FRAME),
    *_MESH_DEPTH,
    column("eye_left", pa.float32(), "eye aspect ratio, subject's left"),
    column("eye_right", pa.float32(), "eye aspect ratio, subject's right"),
    column("mouth", pa.float32(), "mouth aspect ratio"),
)

MASKS = table(
    "masks/masks",
    "the head mask of a frame",
    *ORIGIN,
    column("mask", IMAGE, "head mask, 8-bit PNG, 0 or 255"),
    column("area_share", pa.float32(), "share of the frame that is head"),
)

PARTS = table("parts/parts", "the face parts of a frame", *ORIGIN, column("parts", IMAGE, _PARTS))

CAMERAS = table(
    "cameras/cameras",
    "the camera of a frame, by PnP against the mean head's landmarks",
    *ORIGIN,
    *_size(INGEST_FRAME),
    *camera_in(INGEST_FRAME),
    column("reprojection_error_px", pa.float32(), "mean over the 68 landmarks", unit="px"),
    column(
        "landmark_nme_percent",
        pa.float32(),
        "the same, of the outer eye-corner distance",
        unit="%",
    ),
)

EXPRESSIONS = table(
    "expressions/frames",
    "a frame with another expression",
    *_picture(INGEST_FRAME),
    column(
        "edit",
        pa.string(),
        "closed_eyes, open_mouth, frown, or one of the 24 patterns of docs/expressions.md",
    ),
    column(
        "method",
        pa.string(),
        "warp (photo edited), generator (by a network) or head_model (rendered anew, exact)",
    ),
    column("edited_region", IMAGE, "pixels that may differ from the parent, PNG 0 or 255"),
    column("parts", IMAGE, _PARTS),
    _points("landmarks_478_px", 478, "MediaPipe face-mesh points after the edit", INGEST_FRAME),
    column("seed", pa.int64(), "seed of the amounts of a pattern; 0 of the three kinds"),
    column("strength", pa.float32(), "factor on the whole expression, 0 to 1"),
    column(
        "edited_parts",
        pa.list_(pa.int32()),
        "ids of the parts that a pattern's edit moved, in the order of the next two columns",
    ),
    column(
        "part_affines",
        pa.list_(floats(6)),
        "affine map of each part, px of the parent to px of this frame, (2, 3) row by row",
        unit="px",
    ),
    column(
        "part_bends",
        pa.list_(floats(5)),
        "bend of each part after its affine map: a, b, c, u, v; s = a x + b y + c runs from -1 to "
        "1 along the part, and sqrt(1 - s^2) (u, v) px are added",
    ),
)

SDF = table(
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

_LEVELS = "16-bit PNG, 0 to 65535 for 0 to 1"

MAPS = table(
    "maps/maps",
    "the depth and correspondence maps of the face in a rendered view, or in the crop of a frame; "
    "exact for rendered heads, for photos those of the head model fitted to their landmarks",
    *ORIGIN,
    column("picture", pa.string(), "view (a whole rendered view) or crop (of an ingest frame)"),
    column(
        "camera",
        pa.string(),
        "given or estimated: the mask and camera by which a crop is cut; the maps are as the true "
        "camera sees the head, where it is known",
    ),
    column("view", pa.int32(), "number of the view among those of its head; 0 of a photo"),
    column("image", IMAGE, "pixels of a crop, 8-bit sRGB PNG", nullable=True),
    *_size("maps"),
    column(
        "crop_mm",
        pa.float64(),
        "length of the side of a crop at the head's depth",
        unit="mm",
        nullable=True,
    ),
    column(
        "depth",
        IMAGE,
        f"d, {_LEVELS}; z of the camera is far_mm - d (far_mm - near_mm); 0 off the face",
    ),
    column("near_mm", pa.float64(), "z of the camera where d is 1", unit="mm", frame="camera"),
    column("far_mm", pa.float64(), "z of the camera where d is 0", unit="mm", frame="camera"),
    *(
        column(
            f"code_{axis}",
            IMAGE,
            f"{axis}, on the mean head, of the point seen, by its range over the face, {_LEVELS}",
        )
        for axis in "xyz"
    ),
    column("codes_sha256", pa.string(), "SHA-256 of the table of codes and its triangles"),
    column("mask", IMAGE, "where the face is, 8-bit PNG, 0 or 255"),
    column(
        "projection",
        floats(12),
        "canonical units (100 mm, from the mean head's nose bridge) to px, row by row; the head is "
        "placed by the landmarks of a crop, and by the true head of a view",
        unit="px",
        shape=(3, 4),
    ),
    column(
        "published_depth",
        IMAGE,
        "3DDFA's 8-bit depth file of a view, with maps.compat: 3ddfa",
        nullable=True,
    ),
    column("published_pncc", IMAGE, "3DDFA's 8-bit PNCC file of the same", nullable=True),
)


def rejects_schema(step: str) -> TableSchema:
    """The ``rejects`` table of a step: what could not be processed, and why."""
    return table(
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
    "maps",
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
        MAPS,
        ERRORS,
        SCORES,
        PICTURES,
        HEAT_MAP,
        EXAMPLES,
        PHOTO_HEADS,
        PHOTO_FAILURES,
        *(rejects_schema(step) for step in STEPS),
    )
}
