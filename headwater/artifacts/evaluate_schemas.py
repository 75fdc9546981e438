"""The tables of the evaluation."""

import pyarrow as pa

from headwater.artifacts.columns import (
    IMAGE,
    INGEST_FRAME,
    MESH,
    ORIGIN,
    camera_in,
    column,
    floats,
    table,
)

ERRORS = table(
    "evaluate/errors",
    "the error of one held-out head",
    *ORIGIN,
    column("system", pa.string(), "name of the system"),
    column(
        "face_scan_to_mesh_mm", pa.float32(), "ground truth to prediction", unit="mm", nullable=True
    ),
    column("mean_head_face_scan_to_mesh_mm", pa.float32(), "mean head", unit="mm", nullable=True),
    column("vertex_error_mm", pa.float32(), "mean over vertices", unit="mm", nullable=True),
    column("failure", pa.string(), "why there is no figure", nullable=True),
)

SCORES = table(
    "evaluate/scores",
    "a metric of the answer of a system or baseline to a question of its challenge",
    column("item", pa.string(), "identifier of question, system and metric"),
    column("challenge", pa.string(), "name of the challenge"),
    column("system", pa.string(), "name of the system or baseline"),
    column("size", pa.string(), "size of the system's network; of no baseline", nullable=True),
    column("test_set", pa.string(), "held_out, or another test set of the challenge"),
    column("subject", pa.string(), "identifier of what is shown, by which intervals are drawn"),
    column("question", pa.string(), "the question among those about the subject"),
    column("conditions", pa.string(), "what the metric may depend on, canonical JSON"),
    column("metric", pa.string(), "name of the metric, with its unit"),
    column("value", pa.float64(), "the metric; empty where it is not known", nullable=True),
    column("failure", pa.string(), "why there is no answer", nullable=True),
)

PICTURES = table(
    "evaluate/pictures",
    "a picture of an answer to look at",
    column("item", pa.string(), "identifier of question, system and picture"),
    column("challenge", pa.string(), "name of the challenge"),
    column("system", pa.string(), "name of the system"),
    column("subject", pa.string(), "identifier of what is shown"),
    column("question", pa.string(), "the question among those about the subject"),
    column("place", pa.int32(), "place of the picture among those of the challenge, from 0"),
    column("name", pa.string(), "words under the picture"),
    column("image", IMAGE, "the picture"),
)

HEAT_MAP = table(
    "evaluate/heat_map",
    "the mean error of a system at every vertex, over held-out heads seen once, from the front",
    column("item", pa.string(), "identifier of the system"),
    column("subject", pa.string(), "the same: the row is about many heads"),
    column("system", pa.string(), "name of the system or baseline"),
    column("size", pa.string(), "size of the system's network; of no baseline", nullable=True),
    column("mesh", MESH, "mean head to draw the errors on, binary PLY", unit="mm", frame="head"),
    column(
        "mean_error_mm",
        pa.list_(pa.float32()),
        "per vertex of the mesh: ground truth to predicted surface, rigid, without scale; empty "
        "where no head is measured",
        unit="mm",
        nullable=True,
    ),
    column("heads", pa.list_(pa.int32()), "per vertex: heads in the mean"),
)

_LOOKS = (
    column("image", IMAGE, "the frame that was reconstructed"),
    *camera_in(INGEST_FRAME),
    column("mesh", MESH, "reconstruction, binary PLY", unit="mm", frame="head"),
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
        frame=INGEST_FRAME,
        shape=(68, 2),
    ),
    column(
        "landmarks_68_detected_px",
        floats(136),
        "landmarks found in the frame",
        unit="px",
        frame=INGEST_FRAME,
        shape=(68, 2),
    ),
)

EXAMPLES = table(
    "evaluate/examples",
    "a reconstruction to look at: the best, median and worst held-out heads",
    *ORIGIN,
    column("system", pa.string(), "name of the system"),
    column("kind", pa.string(), "best, median or worst"),
    *_LOOKS,
    column("mesh_truth", MESH, "true surface, binary PLY", unit="mm", frame="head"),
    column(
        "distance_mm",
        pa.list_(pa.float32()),
        "per vertex of the aligned reconstruction: distance to the true surface",
        unit="mm",
    ),
)

PHOTO_HEADS = table(
    "reconstruct/heads",
    "the head of a photo, without a known truth",
    *ORIGIN,
    column("system", pa.string(), "name of the system"),
    *_LOOKS,
    column(
        "landmark_nme_percent",
        pa.float32(),
        "reprojected 68 landmarks, of the outer eye-corner distance",
        unit="%",
    ),
    column(
        "mask_iou",
        pa.float32(),
        "silhouette of the reconstruction and the photo's head mask, hair included",
    ),
)

PHOTO_FAILURES = table(
    "reconstruct/failures",
    "a photo that a system has no head for",
    *ORIGIN,
    column("system", pa.string(), "name of the system"),
    column("failure", pa.string(), "why there is no head"),
)
