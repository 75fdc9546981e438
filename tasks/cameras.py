"""Step "cameras": the camera of every frame, by PnP against the mean head's landmarks."""

from headwater.artifacts.cameras import camera_columns, frame_from_photo_of
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import CAMERAS, FRAMES, LANDMARKS
from headwater.artifacts.tables import Row
from headwater.faces.photo_path import frame_camera
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.heads.model import FloatArray
from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run
from tasks.frame_places import PLACE_COLUMNS
from tasks.head_model import head_model, head_model_fingerprint


def compute(work: Work, result: Result) -> None:
    """Calibrate the camera of every frame of the bucket."""
    model = head_model(work.params, work.project)
    points = model.landmarks_478.on(model.mean)[IBUG68_FROM_478]
    frames, landmarks = work.by_item(FRAMES), work.by_item(LANDMARKS)
    for item in work.items:
        with result.rejecting(item):
            result.add(CAMERAS, _camera_row(frames[item.item], landmarks[item.item], points))


def _camera_row(frame: Row, landmarks: Row, points_mm: FloatArray) -> Row:
    calibration = frame_camera(
        landmarks_of(landmarks, "landmarks_68_px"),
        points_mm,
        frame_from_photo_of(frame),
        frame["photo_width"],
        frame["photo_height"],
    )
    return {
        **origin(frame),
        "width": frame["width"],
        "height": frame["height"],
        **camera_columns(calibration.camera(frame["width"], frame["height"])),
        "reprojection_error_px": calibration.reprojection_error_px,
        "landmark_nme_percent": calibration.nme_percent,
    }


STEP = Step(
    name="cameras",
    version=1,
    inputs=(
        Input(LANDMARKS, ("item", "subject", "landmarks_68_px")),
        Input(FRAMES, (*ORIGIN_COLUMNS, *PLACE_COLUMNS)),
    ),
    outputs=(CAMERAS,),
    settings=lambda params: {},
    compute=compute,
    models=head_model_fingerprint,
)

if __name__ == "__main__":
    run(STEP)
