"""Step "expressions": frontal frames again with closed eyes, an open mouth, a frown.

Photos and rendered views are edited by a warp of the image; heads of the model are also rendered
anew with the expression, which is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headwater.artifacts.cameras import frame_from_photo_of, rotation_of
from headwater.artifacts.ids import item_id
from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.landmark_rows import MESH_COLUMNS, mesh_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import CAMERAS, EXPRESSIONS, FRAMES, HEADS, LANDMARKS, PARTS, TRUTH
from headwater.artifacts.tables import Row
from headwater.config import Params
from headwater.faces.affine import labels_in_frame
from headwater.faces.expressions import Expression, edit_expression
from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces, release
from headwater.faces.resampling import resampled
from headwater.geometry.cameras import frontal_angle_degrees
from headwater.heads.model import FloatArray, HeadModel
from headwater.heads.sampling import named_expression
from headwater.pipeline.step import Input, Item, Result, Step, Work
from headwater.rendering.scenes import sample_shot
from headwater.rendering.view import render_view
from tasks.command import run
from tasks.head_model import head_model, head_model_fingerprint

Rows = Mapping[str, Mapping[str, Row]]

_NAMES = (FRAMES.name, LANDMARKS.name, PARTS.name, TRUTH.name, HEADS.name)
WARP, HEAD_MODEL = "warp", "head_model"


@dataclass(frozen=True)
class Edited:
    """image (h, w, 3) uint8, part ids (h, w) uint8, and where they may differ (h, w) bool."""

    image: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    region: NDArray[np.bool_]


def items(tables: Mapping[str, pa.Table], params: Params) -> list[Item]:
    """One item per frontal frame, kind of expression and method."""
    wanted = []
    for row in tables[CAMERAS.name].to_pylist():
        rotation = rotation_of(row)
        if frontal_angle_degrees(rotation) > params.expressions.frontal_degrees:
            continue
        if row["source"] == "synthetic" and not _chosen(row["subject"], params):
            continue
        methods = (WARP, HEAD_MODEL) if row["source"] == "synthetic" else (WARP,)
        for kind in Expression:
            for method in methods:
                identifier = item_id("expression", row["item"], kind.value, method)
                source = {"frame": row["item"], "kind": kind.value, "method": method}
                name = f"{kind} by {method} of {row['item']}"
                wanted.append(Item(identifier, row["subject"], name, source))
    return wanted


def _chosen(subject: str, params: Params) -> bool:
    share = params.expressions.synthetic_subjects / params.synthesize.subjects
    return int(subject[-8:], 16) < share * 2**32


def compute(work: Work, result: Result) -> None:
    """Make every expression of the bucket."""
    rows = {name: {row["item"]: row for row in work.tables[name].to_pylist()} for name in _NAMES}
    model = head_model(work.params, work.project)
    for item in work.items:
        with result.rejecting(item):
            frame = rows[FRAMES.name][item.source["frame"]]
            kind = Expression(item.source["kind"])
            if item.source["method"] == WARP:
                edited = _warped(frame, kind, rows)
            else:
                edited = _rendered(frame, kind, rows, model)
            result.add(EXPRESSIONS, _row(item, frame, edited))


def _warped(frame: Row, kind: Expression, rows: Rows) -> Edited:
    mesh = mesh_of(rows[LANDMARKS.name][frame["item"]])
    parts = decode_png(rows[PARTS.name][frame["item"]]["parts"])
    edited = edit_expression(decode_png(frame["image"]), mesh, parts, kind)
    return Edited(edited.image, edited.parts, edited.edited_region)


def _rendered(frame: Row, kind: Expression, rows: Rows, model: HeadModel) -> Edited:
    truth = rows[TRUTH.name][frame["item"]]
    head = rows[HEADS.name][truth["subject"]]
    vertices = model.vertices(np.array(head["shape"], np.float32), _expression(model, head, kind))
    shot = sample_shot(head["item"], truth["view"], truth["width"])
    view = render_view(model, vertices, shot.look, shot.camera)
    affine, size = frame_from_photo_of(frame), (frame["width"], frame["height"])
    image = resampled(view.image, affine, *size)
    changed = (image != decode_png(frame["image"])).any(axis=2)
    return Edited(image, labels_in_frame(view.parts, affine, *size), changed)


def _expression(model: HeadModel, head: Row, kind: Expression) -> FloatArray:
    mixed = np.array(head["expression"], np.float32) + named_expression(model, kind.value)
    return mixed.clip(0, 1).astype(np.float32)


def _row(item: Item, frame: Row, edited: Edited) -> Row:
    landmarks = frame_landmarks(edited.image, mediapipe_faces())[:, :2]
    return {
        **origin(frame, item=item.item, parent=frame["item"]),
        "image": encode_png(edited.image, item.item),
        "width": edited.image.shape[1],
        "height": edited.image.shape[0],
        "edit": item.source["kind"],
        "method": item.source["method"],
        "edited_region": encode_png(edited.region, f"{item.item}-region"),
        "parts": encode_png(edited.parts, f"{item.item}-parts"),
        "landmarks_478_px": landmarks.ravel().tolist(),
    }


STEP = Step(
    name="expressions",
    version=1,
    inputs=(
        Input(CAMERAS, ("item", "subject", "source", "rotation")),
        Input(FRAMES, (*ORIGIN_COLUMNS, "image", "width", "height", "frame_from_photo")),
        Input(LANDMARKS, ("item", *MESH_COLUMNS)),
        Input(PARTS, ("item", "parts")),
        Input(TRUTH, ("item", "subject", "view", "width")),
        Input(HEADS, ("item", "shape", "expression")),
    ),
    outputs=(EXPRESSIONS,),
    settings=lambda params: {
        **params.expressions.model_dump(),
        "subjects": params.synthesize.subjects,
    },
    compute=compute,
    items=items,
    models=lambda params, project: {**head_model_fingerprint(params, project), **release()},
)

if __name__ == "__main__":
    run(STEP)
