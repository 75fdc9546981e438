"""Step "landmarks": 478 and 68 landmarks of every frame, and its aspect ratios."""

from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import mesh_columns
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import FRAMES, LANDMARKS
from headwater.artifacts.tables import Row
from headwater.faces.aspect_ratios import aspect_ratios
from headwater.faces.frame_landmarks import landmarks_of_crop
from headwater.faces.mediapipe_adapter import mediapipe_faces, release
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run


def compute(work: Work, result: Result) -> None:
    """Find the landmarks of every frame of the bucket."""
    rows = work.by_item(FRAMES)
    for item in work.items:
        with result.rejecting(item):
            result.add(LANDMARKS, _landmark_row(rows[item.item]))


def _landmark_row(row: Row) -> Row:
    mesh = landmarks_of_crop(decode_png(row["face_crop"]), row["width"], mediapipe_faces())
    ratios = aspect_ratios(mesh[:, :2])
    return {
        **origin(row),
        "landmarks_68_px": mesh[IBUG68_FROM_478, :2].ravel().tolist(),
        **mesh_columns(mesh),
        "eye_left": ratios.eye_left,
        "eye_right": ratios.eye_right,
        "mouth": ratios.mouth,
    }


STEP = Step(
    name="landmarks",
    version=1,
    inputs=(Input(FRAMES, (*ORIGIN_COLUMNS, "face_crop", "width")),),
    outputs=(LANDMARKS,),
    settings=lambda params: {},
    compute=compute,
    models=lambda params, project: release(),
)

if __name__ == "__main__":
    run(STEP)
