"""Step "synthesize": heads from a parametric model and rendered views with exact truth."""

from pathlib import Path
from typing import Any

import numpy as np

from headwater.artifacts.cameras import camera_columns
from headwater.artifacts.ids import item_id, seed_of, split_of
from headwater.artifacts.images import encode_png
from headwater.artifacts.meshes import check_head_size, to_ply
from headwater.artifacts.schemas import HEADS, SYNTHETIC_FRAMES, TRUTH
from headwater.config import Params
from headwater.faces.vocabulary import IBUG68_FROM_478
from headwater.heads.contact import lip_contact
from headwater.heads.model import HeadModel
from headwater.heads.sampling import sample_expression, sample_shape
from headwater.pipeline.step import Item, Result, Step, Work
from headwater.rendering.scenes import Shot, sample_shot
from headwater.rendering.view import View, render_view
from tasks.command import run
from tasks.head_model import head_model, head_model_fingerprint

DEPTH_UNIT_MM = 0.1


def sources(params: Params, project: Path) -> list[Item]:
    """One item per head; its id stands for the model, the seed and its number."""
    fingerprint = head_model(params, project).fingerprint
    items = []
    for number in range(params.synthesize.subjects):
        identifier = item_id("head", fingerprint, params.seed, number)
        items.append(Item(identifier, identifier, f"head {number}"))
    return items


def compute(work: Work, result: Result) -> None:
    """Sample every head of the bucket and render its views."""
    model = head_model(work.params, work.project)
    for item in work.items:
        with result.rejecting(item):
            _add_head(item, model, work.params, result)


def _add_head(item: Item, model: HeadModel, params: Params, result: Result) -> None:
    head = _head_row(item, model, params)
    vertices = model.vertices(
        np.array(head["shape"], np.float32), np.array(head["expression"], np.float32)
    )
    check_head_size(vertices, item.name)
    result.add(HEADS, {**head, "mesh": _mesh(vertices, model, item.item)})
    held_out = head["split"] == "test"
    for number in range(params.benchmark.views if held_out else params.synthesize.views):
        shot = sample_shot(item.item, number, params.synthesize.image_px)
        view = render_view(model, vertices, shot.look, shot.camera)
        frame = _frame_origin(head, number)
        result.add(SYNTHETIC_FRAMES, _frame_row(frame, view))
        result.add(TRUTH, _truth_row(frame, number, shot, view))


def _head_row(item: Item, model: HeadModel, params: Params) -> dict[str, Any]:
    shape = sample_shape(model, np.random.default_rng(seed_of("shape", item.item)))
    expression = sample_expression(model, np.random.default_rng(seed_of("expression", item.item)))
    lips = lip_contact(model)
    expression = expression if lips is None else lips.closed(shape, expression)
    return {
        "item": item.item,
        "subject": item.subject,
        "split": split_of(item.subject, params.seed, params.split.test, params.split.validation),
        "source": "synthetic",
        "licence": model.licence,
        "parent": None,
        "source_sha256": model.fingerprint,
        "head_model": model.name,
        "model_fingerprint": model.fingerprint,
        "shape": shape.tolist(),
        "expression": expression.tolist(),
    }


def _mesh(vertices: Any, model: HeadModel, name: str) -> dict[str, Any]:
    return {"bytes": to_ply(vertices, model.faces), "path": f"{name}.ply"}


def _frame_origin(head: dict[str, Any], number: int) -> dict[str, Any]:
    names = ("subject", "split", "source", "licence", "source_sha256")
    return {
        **{name: head[name] for name in names},
        "item": item_id("view", head["item"], number),
        "parent": head["item"],
    }


def _frame_row(frame: dict[str, Any], view: View) -> dict[str, Any]:
    height, width = view.mask.shape
    return {
        **frame,
        "image": encode_png(view.image, frame["item"]),
        "width": width,
        "height": height,
    }


def _truth_row(frame: dict[str, Any], number: int, shot: Shot, view: View) -> dict[str, Any]:
    name = frame["item"]
    depth = np.round(view.depth / DEPTH_UNIT_MM).clip(0, 65535).astype(np.uint16)
    return {
        **frame,
        "view": number,
        "view_kind": shot.kind,
        "width": shot.camera.width,
        "height": shot.camera.height,
        **camera_columns(shot.camera),
        "landmarks_68_px": view.landmarks_478_px[list(IBUG68_FROM_478)].ravel().tolist(),
        "landmarks_478_px": view.landmarks_478_px.ravel().tolist(),
        "mask": encode_png(view.mask, f"{name}-mask"),
        "parts": encode_png(view.parts, f"{name}-parts"),
        "classes": encode_png(view.classes, f"{name}-classes"),
        "depth": encode_png(depth, f"{name}-depth"),
    }


STEP = Step(
    name="synthesize",
    version=3,
    inputs=(),
    outputs=(HEADS, SYNTHETIC_FRAMES, TRUTH),
    settings=lambda params: {
        **params.synthesize.model_dump(exclude={"subjects"}),
        "test_views": params.benchmark.views,
    },
    compute=compute,
    sources=sources,
    models=head_model_fingerprint,
)

if __name__ == "__main__":
    run(STEP)
