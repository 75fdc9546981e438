"""Step "ingest": head-sized frames around the faces of photos and of rendered views."""

from collections.abc import Mapping

import pyarrow as pa

from headwater.artifacts.ids import beside, item_id
from headwater.artifacts.images import decode_picture, encode_png
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import FRAMES, PHOTOS, SYNTHETIC_FRAMES
from headwater.artifacts.tables import Row
from headwater.config import Params
from headwater.faces.mediapipe_adapter import mediapipe_faces, release
from headwater.faces.photo_path import FaceFrame, face_frame, face_frames
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
    """Find the faces of every image and cut their frames."""
    rows = {**work.by_item(PHOTOS), **work.by_item(SYNTHETIC_FRAMES)}
    for item in work.items:
        with result.rejecting(item):
            for row in _frame_rows(rows[item.item], work.params):
                result.add(FRAMES, row)


def _frame_rows(row: Row, params: Params) -> list[Row]:
    """The row of the largest face, which is the photo's own, and those of the others.

    Another face is an item of the photo and its place there, and nobody who is known.
    """
    rgb, px = decode_picture(row["image"]), params.ingest.frame_px
    if row["source"] != "photo" or params.ingest.faces == "largest":
        return [_frame_row(origin(row), face_frame(rgb, px, mediapipe_faces()))]
    largest, *others = face_frames(rgb, px, mediapipe_faces())
    rows = [_frame_row(origin(row), largest)]
    for frame in others:
        place = [round(length) for length in frame.face_in_photo]
        item = item_id("face", row["item"], *place)
        subject = beside(row["subject"], params.buckets, item)
        own = origin(row, item=item, subject=subject, parent=row["item"])
        rows.append(_frame_row(own, frame))
    return rows


def _frame_row(own: Row, frame: FaceFrame) -> Row:
    return {
        **own,
        "image": encode_png(frame.image, own["item"]),
        "width": frame.image.shape[1],
        "height": frame.image.shape[0],
        "face_box": list(frame.face_box),
        "face_crop": encode_png(frame.crop, own["item"]),
        "faces_found": frame.faces_detected,
        "denoised": frame.denoised,
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
