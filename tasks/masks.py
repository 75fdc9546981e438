"""Step "masks": the head mask of every frame with landmarks."""

from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.landmark_rows import MESH_COLUMNS, mesh_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import FRAMES, LANDMARKS, MASKS
from headwater.artifacts.tables import Row
from headwater.faces.mediapipe_adapter import mediapipe_faces, release
from headwater.faces.photo_path import frame_mask
from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run
from tasks.frame_places import PLACE_COLUMNS, shown_in_photo


def compute(work: Work, result: Result) -> None:
    """Segment the head in every frame of the bucket."""
    frames, landmarks = work.by_item(FRAMES), work.by_item(LANDMARKS)
    for item in work.items:
        with result.rejecting(item):
            result.add(MASKS, _mask_row(frames[item.item], landmarks[item.item]))


def _mask_row(frame: Row, landmarks: Row) -> Row:
    rgb = decode_png(frame["image"])
    mask = frame_mask(rgb, mesh_of(landmarks), shown_in_photo(frame), mediapipe_faces())
    return {
        **origin(frame),
        "mask": encode_png(mask, f"{frame['item']}-mask"),
        "area_share": float(mask.mean()),
    }


STEP = Step(
    name="masks",
    version=1,
    inputs=(
        Input(LANDMARKS, ("item", "subject", *MESH_COLUMNS)),
        Input(FRAMES, (*ORIGIN_COLUMNS, "image", *PLACE_COLUMNS)),
    ),
    outputs=(MASKS,),
    settings=lambda params: {},
    compute=compute,
    models=lambda params, project: release(),
)

if __name__ == "__main__":
    run(STEP)
