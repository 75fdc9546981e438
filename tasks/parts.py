"""Step "parts": the eight face parts of every frame with landmarks."""

from headwater.artifacts.images import encode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import FRAMES, LANDMARKS, PARTS
from headwater.artifacts.tables import Row
from headwater.faces.photo_path import frame_parts
from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run
from tasks.frame_places import PLACE_COLUMNS, shown_in_photo


def compute(work: Work, result: Result) -> None:
    """Draw the parts of every frame of the bucket."""
    frames, landmarks = work.by_item(FRAMES), work.by_item(LANDMARKS)
    for item in work.items:
        with result.rejecting(item):
            result.add(PARTS, _parts_row(frames[item.item], landmarks[item.item]))


def _parts_row(frame: Row, landmarks: Row) -> Row:
    parts = frame_parts(landmarks_of(landmarks), shown_in_photo(frame))
    return {**origin(frame), "parts": encode_png(parts, f"{frame['item']}-parts")}


STEP = Step(
    name="parts",
    version=1,
    inputs=(
        Input(LANDMARKS, ("item", "subject", "landmarks_478_px")),
        Input(FRAMES, (*ORIGIN_COLUMNS, *PLACE_COLUMNS)),
    ),
    outputs=(PARTS,),
    settings=lambda params: {},
    compute=compute,
)

if __name__ == "__main__":
    run(STEP)
