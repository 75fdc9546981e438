"""``python -m benchmarks.aflw2000 FOLDER``: a build's systems by AFLW2000-3D's protocols.

FOLDER is the data set as it is published, for research. ``--reannotated`` and ``--yaws`` name
arrays of 3DDFA's evaluation (``AFLW2000-3D-Reannotated.pts68.npy``, ``AFLW2000-3D-new.pose.npy``)
with re-annotated landmarks and re-estimated yaws. ``--model`` names the folder of the data set's
morphable model (``Model_Shape.mat`` and ``Model_Expression.mat``), for the errors of dense points.

Each picture is reconstructed as ``headwater reconstruct`` does it with a photo, without the data
set's boxes. The error is the mean distance of corresponding points, divided by the square root of
the area of the bounding box of the true 68 points, in three bins of yaw; the published figure is
the mean of the three means. For errors in 3D, depths of the answer and of the truth are both
shifted so that the least is 0 (``--depth mean``: so that their means are 0). A picture without an
answer is listed as a failure with its reason, and is in no mean. Our points of the jaw and our
dense points are defined otherwise than the data set's, for every system and the mean head alike.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.h3ds import rounded
from benchmarks.machine import describe
from benchmarks.options import record_file
from benchmarks.trained_systems import trained_systems
from headwater.artifacts.atomic import write_text
from headwater.artifacts.ids import sha256_hex
from headwater.data.aflw2000 import Aflw2000, AflwPicture
from headwater.data.basel_face import TO_OUR_PX, BaselFace, read_basel_face
from headwater.data.dense_points import DensePoints, dense_points
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError, ItemRejected
from headwater.evaluation.challenge import Answerer
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.geometry.cameras import Camera, project
from headwater.metrics.alignment import (
    YAW_BINS,
    DepthOrigin,
    alignment_nme,
    box_size,
    by_yaw,
    from_depth_origin,
)
from headwater.photos.folder import PhotoFile, printable, read_photo
from headwater.reconstruct.head import reconstruct_head
from headwater.reconstruct.seeing import SeenFace, see
from headwater.reconstruct.settings import PhotoSettings
from headwater.systems import SYSTEMS

MEAN_HEAD: Final = "mean_head"
UNANSWERED: Final = "no answer"

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Contender:
    """A system or baseline whose answers are scored.

    dense: points of its head that correspond to vertices of the data set's model.
    """

    name: str
    template: Template
    answer: Answerer
    dense: DensePoints | None


@dataclass(frozen=True)
class Answer:
    """Errors of one contender's answer to one picture, by protocol, or why there are none."""

    name: str
    picture: str
    yaw_degrees: float
    errors: dict[str, float]
    failure: str | None = None


def main() -> None:
    """Judge the weights below ``--data`` on the data set and print the table."""
    given = _arguments().parse_args()
    try:
        model = None if given.model is None else read_basel_face(given.model)
        folder = Aflw2000(given.folder, given.reannotated, given.yaws)
        contenders = built(given.data, model)
        # All files first: the last must not end hours of judging.
        pictures = [folder.picture(name) for name in folder.names]
        answers: list[Answer] = []
        for number, picture in enumerate(pictures, 1):
            answers += judged(picture, contenders, model, given.depth)
            print(f"{number} of {len(pictures)} pictures", end="\r", file=sys.stderr, flush=True)
    except HeadwaterError as problem:
        sys.exit(f"aflw2000: {printable(str(problem))}")
    figures = summary(answers)
    print(table(figures))
    for line in remarks(answers, contenders):
        print(line)
    if given.out:
        record = {"depth": given.depth, "figures": figures, "machine": describe()}
        write_text(given.out, json.dumps(record, indent=2, sort_keys=True) + "\n")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the data set, as downloaded")
    parser.add_argument("--reannotated", type=Path, help="array of the re-annotated points")
    parser.add_argument("--yaws", type=Path, help="array of yaws, instead of the fitted ones")
    parser.add_argument("--model", type=Path, help="folder of the morphable model")
    parser.add_argument("--depth", choices=("least", "mean"), default="least")
    parser.add_argument("--data", type=Path, default=Path("data"), help="a finished build")
    parser.add_argument("--out", type=record_file, help="write the figures to this file, as JSON")
    return parser


def built(data: Path, model: BaselFace | None) -> list[Contender]:
    """The systems whose weights lie below ``data``, and the mean head of the first one.

    Raises HeadwaterError without any.
    """
    contenders = [
        contender(name, trained.template, partial(SYSTEMS[name].answer, trained), model)
        for name, trained in trained_systems(data).items()
    ]
    template = contenders[0].template
    mean = HeadAnswer(template, template.mean)
    return [contender(MEAN_HEAD, template, lambda _: mean, model), *contenders]


def contender(
    name: str, template: Template, answer: Answerer, model: BaselFace | None
) -> Contender:
    """A system or baseline, with its dense points where the data set's model is known."""
    dense = None
    if model is not None:
        dense = dense_points(template, model.mean, model.mean[model.keypoints])
    return Contender(name, template, answer, dense)


def judged(
    picture: AflwPicture,
    contenders: Sequence[Contender],
    model: BaselFace | None,
    depth: DepthOrigin,
) -> Iterator[Answer]:
    """Errors of all contenders on one picture. They share one template."""
    face, unseen = None, ""
    try:
        face = face_of(picture, contenders[0].template)
    except ItemRejected as problem:
        unseen = problem.message
    for one in contenders:
        errors: dict[str, float] = {}
        failure = unseen or None
        if face is not None:
            try:
                head = reconstruct_head(one.answer, picture.name, [face])
            except ItemRejected as problem:
                failure = problem.message
            else:
                camera = head.views[0].camera
                errors = errors_of(picture, one, head.vertices, camera, model, depth)
        yield Answer(one.name, picture.name, picture.yaw_degrees, errors, failure)


def face_of(picture: AflwPicture, template: Template) -> SeenFace:
    """The face that the pipeline finds in a picture. Raises ItemRejected where it finds none."""
    data = read_photo(picture.photo)
    file = PhotoFile(picture.photo, picture.photo.name, sha256_hex(data))
    return see(file, template.landmarks_68(template.mean), PhotoSettings())


def errors_of(
    picture: AflwPicture,
    one: Contender,
    vertices: NDArray[np.float32],
    camera: Camera,
    model: BaselFace | None,
    depth: DepthOrigin,
) -> dict[str, float]:
    """Errors by protocol of a head (V, 3) mm that a camera of the picture sees."""
    size = box_size(picture.landmarks)
    found = in_picture(camera, one.template.landmarks_68(vertices))
    errors = {
        "68 points, 2D": alignment_nme(found[:, :2], picture.landmarks[:, :2], size),
        "68 points, 3D": _in_depth(found, picture.landmarks, size, depth),
    }
    if picture.reannotated is not None:
        other = picture.reannotated
        errors["re-annotated, 2D"] = alignment_nme(found[:, :2], other, box_size(other))
    if model is not None and one.dense is not None:
        true = picture.face.in_picture(model.vertices(picture.face), camera.height)[one.dense.rows]
        found = in_picture(camera, one.dense.on(vertices))
        errors["dense, 2D"] = alignment_nme(found[:, :2], true[:, :2], size)
        errors["dense, 3D"] = _in_depth(found, true, size, depth)
    return errors


def in_picture(camera: Camera, points_mm: NDArray[np.floating[Any]]) -> Float64Array:
    """Points (n, 3) in the data set's coordinates: px counted from 1 at pixels' centres, and depth.

    Depth grows towards the viewer and is in px of the picture's scale at the points' mean depth.
    """
    pixels, away = project(camera, points_mm)
    scale = camera.K[0, 0] / away.mean()
    return np.column_stack([pixels - TO_OUR_PX, (away.mean() - away) * scale])


def _in_depth(found: Float64Array, truth: Float64Array, size: float, depth: DepthOrigin) -> float:
    moved = from_depth_origin(found, depth), from_depth_origin(truth, depth)
    return alignment_nme(*moved, size)


def summary(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Mean errors in percent by contender and protocol, of each bin of yaw and over the bins."""
    figures = []
    for name in dict.fromkeys(answer.name for answer in answers):
        own = [answer for answer in answers if answer.name == name]
        sound = [answer for answer in own if answer.failure is None]
        # Who answered nothing has a row, too.
        for protocol in dict.fromkeys(key for one in sound for key in one.errors) or (UNANSWERED,):
            values = np.array([100.0 * one.errors[protocol] for one in sound])
            found = by_yaw(values, np.array([answer.yaw_degrees for answer in sound]))
            row = dict(zip(YAW_BINS, found.errors, strict=True))
            counts = {f"pictures {key}": n for key, n in zip(YAW_BINS, found.counts, strict=True)}
            failures = {"failures": len(own) - len(sound)}
            named = {"system": name, "protocol": protocol}
            figures.append(rounded({**named, **row, "mean": found.mean, **counts, **failures}))
    return figures


def table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures as a Markdown table, in percent."""
    headings = ("system", "protocol", *YAW_BINS, "mean", "pictures", "failures")
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    for row in figures:
        errors = [row[key] for key in (*YAW_BINS, "mean")]
        cells = [row["system"], row["protocol"]]
        cells += ["-" if one is None else f"{one:.2f}" for one in errors]
        cells += [" / ".join(str(row[f"pictures {key}"]) for key in YAW_BINS), str(row["failures"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def remarks(answers: Sequence[Answer], contenders: Sequence[Contender]) -> Iterator[str]:
    """Lines below the table: distances of dense pairs, and all failures with their reasons."""
    for one in contenders:
        if one.dense is not None:
            apart = float(np.median(one.dense.apart_mm))
            count = len(one.dense.rows)
            yield f"{one.name}: {count} dense points, median {apart:.1f} mm apart on the means"
    for answer in answers:
        if answer.failure:
            yield f"{answer.name}, {printable(answer.picture)}: {answer.failure}"


if __name__ == "__main__":
    main()
