"""Step "expressions": frontal frames again with other expressions.

Three kinds (closed eyes, open mouth, frown), or the 24 patterns of the PRDL paper. Frames of photos
and of rendered views are edited by a warp, or patterns by a generator (``expressions.pixels``);
rendered heads are also rendered again with the expression, which is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headwater.artifacts.cameras import frame_from_photo_of, rotation_of
from headwater.artifacts.ids import item_id, seed_of
from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.landmark_rows import MESH_COLUMNS, mesh_of
from headwater.artifacts.provenance import ORIGIN_COLUMNS, origin
from headwater.artifacts.schemas import CAMERAS, EXPRESSIONS, FRAMES, HEADS, LANDMARKS, PARTS, TRUTH
from headwater.artifacts.tables import Row
from headwater.config import Params
from headwater.expressions.amounts import Amounts, drawn_amounts
from headwater.expressions.checks import check_pattern
from headwater.expressions.head_units import pattern_expression
from headwater.expressions.part_map import PartMap
from headwater.expressions.patterns import PATTERNS
from headwater.expressions.prepared import (
    PatternPainter,
    generator_fingerprint,
    prepared_generator,
)
from headwater.expressions.warped import pattern_mask, warped_pattern
from headwater.faces.affine import labels_in_frame
from headwater.faces.expressions import Expression, edit_expression
from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces, release
from headwater.faces.photo_path import frame_parts
from headwater.faces.resampling import resampled
from headwater.faces.vocabulary import Part
from headwater.geometry.cameras import frontal_angle_degrees
from headwater.heads.model import FloatArray, HeadModel
from headwater.heads.sampling import named_expression
from headwater.parsing.frame_parser import FrameParser, parsed_parts
from headwater.parsing.prepared import parser_fingerprint, prepared_parser
from headwater.pipeline.step import Input, Item, Result, Step, Work
from headwater.rendering.scenes import sample_shot
from headwater.rendering.view import render_view
from tasks.command import run
from tasks.frame_places import PLACE_COLUMNS, shown_in_photo
from tasks.head_model import head_model, head_model_fingerprint

Tables = Mapping[str, Mapping[str, Row]]

_NAMES = (FRAMES.name, LANDMARKS.name, PARTS.name, TRUTH.name, HEADS.name)
WARP, GENERATOR, HEAD_MODEL = "warp", "generator", "head_model"


@dataclass(frozen=True)
class Edited:
    """A frame with another expression, made by one method.

    image: (h, w, 3) uint8. parts: (h, w) uint8 ids. region: (h, w) bool, outside which both are the
    parent's. landmarks: (478, 2) px, detected in it. seed: of a pattern's amounts, 0 of the three
    kinds. maps: of the parts that a pattern's edit moved, empty for other methods.
    """

    image: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    region: NDArray[np.bool_]
    landmarks: NDArray[np.float32]
    seed: int = 0
    maps: Mapping[Part, PartMap] = field(default_factory=dict)


def items(tables: Mapping[str, pa.Table], params: Params) -> list[Item]:
    """One item per frontal frame, kind of expression and method."""
    wanted = []
    for row in tables[CAMERAS.name].to_pylist():
        rotation = rotation_of(row)
        if frontal_angle_degrees(rotation) > params.expressions.frontal_degrees:
            continue
        if row["source"] == "synthetic" and not _chosen(row["subject"], params):
            continue
        edit = WARP if params.expressions.pixels == "warp" else GENERATOR
        methods = (edit, HEAD_MODEL) if row["source"] == "synthetic" else (edit,)
        for kind in _kinds(params):
            for method in methods:
                identifier = item_id("expression", row["item"], kind, method)
                source = {"frame": row["item"], "kind": kind, "method": method}
                name = f"{kind} by {method} of {row['item']}"
                wanted.append(Item(identifier, row["subject"], name, source))
    return wanted


def _kinds(params: Params) -> list[str]:
    if params.expressions.patterns == "paper":
        return list(PATTERNS)
    return [kind.value for kind in Expression]


def _chosen(subject: str, params: Params) -> bool:
    share = params.expressions.synthetic_subjects / params.synthesize.subjects
    return int(subject[-8:], 16) < share * 2**32


def compute(work: Work, result: Result) -> None:
    """Make every expression of the bucket."""
    tables = {name: {row["item"]: row for row in work.tables[name].to_pylist()} for name in _NAMES}
    maker = _Maker(
        tables,
        head_model(work.params, work.project),
        prepared_parser(work.params, work.project),
        prepared_generator(work.params, work.project),
        work.params.expressions.strength,
    )
    for item in work.items:
        with result.rejecting(item):
            frame = tables[FRAMES.name][item.source["frame"]]
            kind = item.source["kind"]
            edited = maker.rendered if item.source["method"] == HEAD_MODEL else maker.edited
            result.add(EXPRESSIONS, _row(item, frame, edited(frame, kind), maker.strength))


@dataclass(frozen=True)
class _Maker:
    """Makes frames with other expressions.

    tables: rows by table, then item. parser: None for polygons of landmarks. generator: None for
    the warp. strength: share of each expression.
    """

    tables: Tables
    model: HeadModel
    parser: FrameParser | None
    generator: PatternPainter | None
    strength: float

    def edited(self, frame: Row, kind: str) -> Edited:
        """The frame of a row, warped or painted by the generator."""
        image = decode_png(frame["image"])
        mesh = mesh_of(self.tables[LANDMARKS.name][frame["item"]])
        parts = decode_png(self.tables[PARTS.name][frame["item"]]["parts"])
        if kind not in PATTERNS:
            made = edit_expression(image, mesh, parts, Expression(kind), self.strength)
            found = _landmarks(made.image)
            return Edited(made.image, made.parts, made.edited_region, found)
        pattern, seed = PATTERNS[kind], _seed(frame, kind)
        mask = pattern_mask(parts, mesh, pattern, _amounts(seed), self.strength)
        if self.generator is None:
            shown = warped_pattern(image, mesh, mask)
        else:
            shown = self.generator.pattern(image, mask)
        found = _landmarks(shown.image)
        parsed = self._parts(frame, shown.image, found)
        check_pattern(pattern, self.strength, mask.maps, shown.parts, parsed, mesh, found)
        return Edited(shown.image, shown.parts, shown.region, found, seed, mask.maps)

    def rendered(self, frame: Row, kind: str) -> Edited:
        """The frame of a row of a rendered view, rendered with the expression."""
        truth = self.tables[TRUTH.name][frame["item"]]
        head = self.tables[HEADS.name][truth["subject"]]
        shape = np.array(head["shape"], np.float32)
        vertices = self.model.vertices(shape, self._expression(frame, head, kind))
        shot = sample_shot(head["item"], truth["view"], truth["width"])
        view = render_view(self.model, vertices, shot.look, shot.camera)
        affine, size = frame_from_photo_of(frame), (frame["width"], frame["height"])
        image = resampled(view.image, affine, *size)
        changed = (image != decode_png(frame["image"])).any(axis=2)
        seed = _seed(frame, kind) if kind in PATTERNS else 0
        parts = labels_in_frame(view.parts, affine, *size)
        return Edited(image, parts, changed, _landmarks(image), seed)

    def _expression(self, frame: Row, head: Row, kind: str) -> FloatArray:
        own = np.array(head["expression"], np.float32)
        if kind not in PATTERNS:
            mixed = own + named_expression(self.model, Expression(kind).value, self.strength)
            return mixed.clip(0, 1).astype(np.float32)
        return pattern_expression(
            self.model,
            PATTERNS[kind],
            np.array(head["shape"], np.float32),
            own,
            strength=self.strength,
            towards=_amounts(_seed(frame, kind)).towards,
        )

    def _parts(
        self, frame: Row, image: NDArray[np.uint8], landmarks: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        """Part ids (h, w) that the build's parser finds in an edit (h, w, 3) of the frame."""
        shown = shown_in_photo(frame)
        if self.parser is None:
            return frame_parts(landmarks, shown)
        return parsed_parts(self.parser, image, landmarks, shown)


def _seed(frame: Row, kind: str) -> int:
    return seed_of("expression", frame["item"], kind)


def _amounts(seed: int) -> Amounts:
    return drawn_amounts(np.random.default_rng(seed))


def _landmarks(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return frame_landmarks(image, mediapipe_faces())[:, :2]


def _row(item: Item, frame: Row, edited: Edited, strength: float) -> Row:
    maps = list(edited.maps.values())
    return {
        **origin(frame, item=item.item, parent=frame["item"]),
        "image": encode_png(edited.image, item.item),
        "width": edited.image.shape[1],
        "height": edited.image.shape[0],
        "edit": item.source["kind"],
        "method": item.source["method"],
        "edited_region": encode_png(edited.region, f"{item.item}-region"),
        "parts": encode_png(edited.parts, f"{item.item}-parts"),
        "landmarks_478_px": edited.landmarks.ravel().tolist(),
        "seed": edited.seed,
        "strength": strength,
        "edited_parts": [int(part) for part in edited.maps],
        "part_affines": [one.affine.ravel().tolist() for one in maps],
        "part_bends": [[*one.side.tolist(), *one.sink.tolist()] for one in maps],
    }


STEP = Step(
    name="expressions",
    version=2,
    inputs=(
        Input(CAMERAS, ("item", "subject", "source", "rotation")),
        Input(FRAMES, (*ORIGIN_COLUMNS, "image", *PLACE_COLUMNS)),
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
    models=lambda params, project: {
        **head_model_fingerprint(params, project),
        **release(),
        **parser_fingerprint(params, project),
        **generator_fingerprint(params, project),
    },
)

if __name__ == "__main__":
    run(STEP)
