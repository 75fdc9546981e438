"""Step "ingest": the head-sized frame around the largest face of photos and rendered views."""

from collections.abc import Mapping

import pyarrow as pa

from headwater.artifacts.images import decode_picture, encode_png
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import FRAMES, PHOTOS, SYNTHETIC_FRAMES
from headwater.artifacts.tables import Row
from headwater.config import Params
from headwater.faces.mediapipe_adapter import mediapipe_faces, release
from headwater.faces.photo_path import face_frame
from headwater.pipeline.step import Input, Item, Result, Step, Work
from tasks.command import run


def items(tables: Mapping[str, pa.Table], params: Params) -> list[Item]:
    """Photos by file name, rendered views by id."""
    photos = tables[PHOTOS.name].to_pylist()
    views = tables[SYNTHETIC_FRAMES.name].select(["item", "subject"]).to_pylist()
    return [Item(row["item"], row["subject"], row["file_name"]) for row in photos] + [
        Item(row["item"], row["subject"], f"view {row['item']}") for row in views
    ]


def compute(work: Work, result: Result) -> None:
    """Find the largest face of every image and cut its frame."""
    rows = {**work.by_item(PHOTOS), **work.by_item(SYNTHETIC_FRAMES)}
    for item in work.items:
        with result.rejecting(item):
            result.add(FRAMES, _frame_row(rows[item.item], work.params.ingest.frame_px))


def _frame_row(row: Row, frame_px: int) -> Row:
    frame = face_frame(decode_picture(row["image"]), frame_px, mediapipe_faces())
    return {
        **origin(row),
        "image": encode_png(frame.image, row["item"]),
        "width": frame.image.shape[1],
        "height": frame.image.shape[0],
        "face_box": list(frame.face_box),
        "faces_found": frame.faces_detected,
        "photo_width": frame.photo_width,
        "photo_height": frame.photo_height,
        "frame_from_photo": frame.from_photo.ravel().tolist(),
    }


STEP = Step(
    name="ingest",
    version=1,
    inputs=(
        Input(PHOTOS, (*ORIGIN_COLUMNS, "image", "file_name")),
        Input(SYNTHETIC_FRAMES, (*ORIGIN_COLUMNS, "image")),
    ),
    outputs=(FRAMES,),
    settings=lambda params: params.ingest.model_dump(),
    compute=compute,
    models=lambda params, project: release(),
    items=items,
)

if __name__ == "__main__":
    run(STEP)
