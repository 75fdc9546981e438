"""``python -m benchmarks.realy FOLDER --predictions ANSWERS``: meshes by REALY's protocol.

FOLDER holds the benchmark as its evaluator expects it: ``REALY_HIFI3D_keypoints/<id>.obj`` with 85
vertices, ``REALY_scan_region/<id>/`` with ``nose.obj``, ``mouth.obj``, ``forehead.obj`` and
``cheek.obj``, and ``metrical_scale.txt`` with one number a subject. Its owners hand the scans out
under an agreement. ANSWERS holds one mesh an image, ``<id>.obj`` or ``<id>_<view>.obj`` (or .ply,
or .npz with an array ``vertices``), in any unit and frame, all of the topology of ``--template``,
whose 85 keypoints ``--keypoints`` names: a JSON list of [triangle, b0, b1]. Any method's meshes
will do, with the pose and expression of the image.

Errors are mm; ``all`` is the mean of the four regions of one mesh. A mesh that cannot be judged, a
scan that cannot be read and a subject without an answer are failures, listed with their reason, and
in no mean.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.h3ds import rounded
from benchmarks.machine import describe
from benchmarks.options import record_file
from headwater.artifacts.atomic import write_text
from headwater.data.realy import (
    Prediction,
    RealyFolder,
    find_predictions,
    read_prediction,
    read_template,
)
from headwater.errors import HeadwaterError
from headwater.metrics.realy import REGIONS, RealyScan, RealyTemplate, realy_errors
from headwater.photos.folder import printable

ALL: Final = "all"


@dataclass(frozen=True)
class Judged:
    """Errors in mm by region of one answer, or why there are none."""

    name: str
    errors: dict[str, float]
    failure: str | None = None


def main() -> None:
    """Judge the answers and print the table."""
    given = _arguments().parse_args()
    try:
        folder = RealyFolder(given.folder)
        template = read_template(given.template, given.keypoints)
        predictions = find_predictions(given.predictions, folder.subjects)
    except HeadwaterError as problem:
        sys.exit(f"realy: {printable(str(problem))}")
    answers: list[Judged] = []
    for answer in judged(folder, template, predictions):
        answers.append(answer)
        print(f"{len(answers)} meshes", end="\r", file=sys.stderr, flush=True)
    figures = summary(answers)
    print(table(figures))
    for answer in answers:
        if answer.failure:
            print(f"{printable(answer.name)}: {printable(answer.failure)}")
    if given.out:
        record = {
            "figures": figures,
            "errors_mm": {one.name: rounded(one.errors) for one in answers if one.errors},
            "failures": {one.name: one.failure for one in answers if one.failure},
            "machine": describe(),
        }
        write_text(given.out, json.dumps(record, indent=2, sort_keys=True) + "\n")


def _arguments() -> argparse.ArgumentParser:
    head, _, body = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        description=head,
        epilog=body,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="the benchmark's scans, as handed out")
    parser.add_argument("--predictions", type=Path, required=True, help="folder of the answers")
    parser.add_argument("--template", type=Path, required=True, help="an .obj of their topology")
    parser.add_argument("--keypoints", type=Path, required=True, help="its 85 keypoints, as JSON")
    parser.add_argument("--out", type=record_file, help="write the figures to this file, as JSON")
    return parser


def judged(
    folder: RealyFolder, template: RealyTemplate, predictions: Sequence[Prediction]
) -> Iterator[Judged]:
    """Errors of all answers, subject by subject; those without any come last."""
    for subject, members in groupby(predictions, key=lambda one: one.subject):
        scan, unread = None, None
        try:
            scan = folder.scan(subject)
        except HeadwaterError as problem:
            unread = str(problem)
        for one in members:
            if scan is None:
                yield Judged(one.path.stem, {}, unread)
            else:
                yield _judged(scan, template, one)
    for subject in sorted(set(folder.subjects) - {one.subject for one in predictions}):
        yield Judged(str(subject), {}, "there is no answer of this subject")


def _judged(scan: RealyScan, template: RealyTemplate, prediction: Prediction) -> Judged:
    name = prediction.path.stem
    try:
        vertices, faces = read_prediction(prediction.path, template)
        errors = realy_errors(scan, template, vertices, faces)
    except HeadwaterError as problem:
        return Judged(name, {}, str(problem))
    return Judged(name, {**errors, ALL: float(np.mean(list(errors.values())))})


def summary(answers: Sequence[Judged]) -> list[dict[str, Any]]:
    """Mean, median and standard deviation (n - 1), mm, of every region and of their mean."""
    sound = [answer.errors for answer in answers if answer.failure is None]
    figures = []
    for region in (*REGIONS, ALL):
        values = np.array([errors[region] for errors in sound])
        row = {
            "region": region,
            "mean_mm": float(values.mean()) if len(values) else np.nan,
            "median_mm": float(np.median(values)) if len(values) else np.nan,
            "std_mm": float(values.std(ddof=1)) if len(values) > 1 else np.nan,
            "meshes": len(sound),
            "failures": len(answers) - len(sound),
        }
        figures.append(rounded(row))
    return figures


def table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = ["| region | mean mm | median mm | std mm | meshes | failures |", "|---" * 6 + "|"]
    for row in figures:
        numbers = [row[key] for key in ("mean_mm", "median_mm", "std_mm")]
        cells = [row["region"], *("-" if one is None else f"{one:.3f}" for one in numbers)]
        lines.append(f"| {' | '.join(cells)} | {row['meshes']} | {row['failures']} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
