"""``python -m benchmarks.parsed_parts``: Part IoU of PRDL by the build's parser, as in its paper.

On the frontal image of every held-out head, with the camera estimated: the overlap of the parts
that a parser finds in the image and in a render of the answer over it, and beside it
``part_iou_direct``, the overlap of the rasterised parts of both heads. Answers are those of the
network, of the network fitted to the parser's parts and the landmarks, and of the challenge's
baselines.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.options import two_or_more
from benchmarks.part_overlap import parser_of
from headwater.config import load_params
from headwater.errors import HeadwaterError, ItemRejected
from headwater.evaluation.heads import CHALLENGE
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.parts import part_scores
from headwater.evaluation.heads.trials import HELD_OUT, Trial, read_all_cases, trials
from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.vocabulary import Part
from headwater.metrics.intervals import mean_interval
from headwater.metrics.part_iou import AVERAGE, NAMES
from headwater.metrics.strata import ESTIMATED
from headwater.parsing.frame_parser import FrameParser, parsed_parts
from headwater.systems import find_system
from headwater.systems.prdl.answer import answer
from headwater.systems.prdl.config import Answering
from headwater.systems.prdl.parsed_overlap import parsed_ious
from headwater.systems.prdl.weights import TrainedPrdl
from headwater.systems.stages import trained

SEED: Final = 0
DIRECT: Final = "part_iou_direct"

Overlaps = dict[str, float]
Answers = Mapping[str, Callable[[Trial], HeadAnswer]]


def main() -> None:
    """Print the table of the build that the command line names."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--project", type=Path, default=Path(), help="folder of a finished build")
    options.add_argument("--subjects", type=two_or_more, help="at most so many")
    given = options.parse_args()
    try:
        print(measure(given.project, given.subjects), end="")
    except HeadwaterError as problem:
        options.error(str(problem))


def measure(project: Path, subjects: int | None) -> str:
    """The table of a build with PRDL and a parser. Raises HeadwaterError for any other."""
    params = load_params(project / "params.yaml")
    parser = parser_of(params, project)
    network: TrainedPrdl = trained(find_system("prdl", params, project), params, project)
    answers = answers_of(network, parser, project / "data")
    rows = [
        {name: overlaps(network, parser, trial, give(trial)) for name, give in answers.items()}
        for trial in frontal_trials(project / "data")[:subjects]
    ]
    return table(rows)


def frontal_trials(data: Path) -> list[Trial]:
    """Trials of held-out heads' frontal images with a detected face, cameras estimated."""
    cases = [
        case
        for case in read_all_cases(data)
        if (case.test_set, case.camera, case.images) == (HELD_OUT, ESTIMATED, 1)
    ]
    return [one for one in trials(cases) if one.frontal and one.case.unseen is None]


def answers_of(network: TrainedPrdl, parser: FrameParser, data: Path) -> Answers:
    """Functions from a trial to a head, by name: baselines, PRDL's network, and its fit."""
    alone = network.config.model_copy(update={"answer": Answering()})
    fitting = network.config.model_copy(update={"answer": Answering(fit=True)})
    return {
        **CHALLENGE.baselines(data),
        "PRDL": partial(answer, replace(network, config=alone)),
        "PRDL, fitted": partial(answer, replace(network, config=fitting, parser=parser)),
    }


def overlaps(
    network: TrainedPrdl, parser: FrameParser, trial: Trial, given: HeadAnswer
) -> Overlaps:
    """Part IoU, %, by the parser, by name of the part, and ``part_iou_direct``."""
    found = parsed_ious(network, partial(frame_parts, parser), trial.views, given)
    direct = part_scores(trial, given)
    return {**found, **({DIRECT: direct[AVERAGE]} if AVERAGE in direct else {})}


def frame_parts(parser: FrameParser, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Part ids (n, n) of a frame (n, n, 3); none where the detector finds no face in it."""
    try:
        landmarks = frame_landmarks(frame, mediapipe_faces())
    except ItemRejected:
        return np.full(frame.shape[:2], Part.NONE, np.uint8)
    return parsed_parts(parser, frame, landmarks, np.ones(frame.shape[:2], np.bool_))


def table(rows: Sequence[Mapping[str, Overlaps]]) -> str:
    """A Markdown table: of each answer, means and standard deviations over images."""
    names = (AVERAGE, DIRECT, *NAMES)
    lines = [
        f"Part IoU, %, of {len(rows)} frontal images by the parser: mean ± standard deviation over",
        "images, and the 95 % interval of the average.",
        "",
        "| | " + " | ".join((AVERAGE, "interval", *names[1:])) + " |",
        "|---" * (len(names) + 2) + "|",
    ]
    for name in rows[0] if rows else ():
        values = [[row[name][one] for row in rows if one in row[name]] for one in names]
        cells = [f"{np.mean(of):.1f} ± {np.std(of):.1f}" if of else "" for of in values]
        _, low, high = mean_interval(np.array(values[0]), SEED)
        lines.append(
            f"| {name} | " + " | ".join((cells[0], f"{low:.1f} to {high:.1f}", *cells[1:])) + " |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
