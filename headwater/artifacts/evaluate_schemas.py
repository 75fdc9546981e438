"""The tables of the evaluation."""

import pyarrow as pa

from headwater.artifacts.columns import CAMERA, IMAGE, MESH, ORIGIN, column, floats, table

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

_BENCHMARK_ERRORS = (
    ("face_scan_to_mesh_mm", "ground truth to predicted surface, rigid, without scale", "mm"),
    ("reverse_face_mm", "predicted surface to ground truth, same alignment", "mm"),
    ("f_score_1mm", "F-score at 1 mm", ""),
    ("f_score_2mm", "F-score at 2 mm", ""),
    ("f_score_3mm", "F-score at 3 mm", ""),
    ("h3ds_face_mm", "the H3DS protocol's score of the face sphere", "mm"),
    ("h3ds_head_mm", "the H3DS protocol's score of the whole head", "mm"),
    ("nose_mm", "scan-to-mesh error of the nose", "mm"),
    ("mouth_mm", "scan-to-mesh error of the mouth", "mm"),
    ("forehead_mm", "scan-to-mesh error of the forehead", "mm"),
    ("cheeks_mm", "scan-to-mesh error of the cheeks", "mm"),
    ("chin_mm", "scan-to-mesh error of the chin", "mm"),
    ("eyes_mm", "scan-to-mesh error of the eyes", "mm"),
)

BENCHMARK = table(
    "evaluate/benchmark",
    "every answer of a system or baseline to a trial of the benchmark",
    column("item", pa.string(), "identifier of test set, head, system and views"),
    column("test_set", pa.string(), "held_out, or other: the other head model's"),
    column("subject", pa.string(), "id of the head"),
    column("system", pa.string(), "name of the system or baseline"),
    column("size", pa.string(), "size of the system's network; of no baseline", nullable=True),
    column("views", pa.int32(), "how many images it saw"),
    column("first_view", pa.int32(), "number of the first of them: 0 is the head's frontal view"),
    column("yaw_degrees", pa.float64(), "head pose in the first image", unit="degrees"),
    column("expression_mm", pa.float64(), "mean displacement from the neutral face", unit="mm"),
    *(
        column(name, pa.float64(), words, unit=unit, nullable=True)
        for name, words, unit in _BENCHMARK_ERRORS
    ),
    column("failure", pa.string(), "why there is no figure", nullable=True),
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
    ),
    column("heads", pa.list_(pa.int32()), "per vertex: heads in the mean"),
)

_LOOKS = (
    column("image", IMAGE, "the frame that was reconstructed"),
    *CAMERA,
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
