"""Step "landmarks": 478 and 68 landmarks of every frame."""

from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import mesh_columns
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import FRAMES, LANDMARKS
from headwater.artifacts.tables import Row
from headwater.errors import ItemRejected
from headwater.faces.aspect_ratios import aspect_ratios
from headwater.faces.frame_landmarks import landmarks_in_frame
from headwater.faces.landmark_sets import IBUG68_FROM_478
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run


def compute(work: Work, result: Result) -> None:
    """Find the landmarks of every frame of the bucket."""
    rows = work.by_item(FRAMES)
    for item in work.items:
        try:
            result.add(LANDMARKS, _landmark_row(rows[item.item]))
        except ItemRejected as problem:
            result.reject(item, problem)


def _landmark_row(row: Row) -> Row:
    mesh = landmarks_in_frame(decode_png(row["image"]), row["face_box"], mediapipe_faces())
    points = mesh[:, :2]
    ratios = aspect_ratios(points)
    return {
        **origin(row),
        "landmarks_68_px": points[IBUG68_FROM_478].ravel().tolist(),
        **mesh_columns(mesh),
        "eye_left": ratios.eye_left,
        "eye_right": ratios.eye_right,
        "mouth": ratios.mouth,
    }


STEP = Step(
    name="landmarks",
    version=1,
    inputs=(Input(FRAMES, (*ORIGIN_COLUMNS, "image", "face_box")),),
    outputs=(LANDMARKS,),
    settings=lambda params: {},
    compute=compute,
)

if __name__ == "__main__":
    run(STEP)
