"""Claims of the PRDL paper that one trained network can show, on a build's held-out heads.

They are of fitting, in which the paper compares its loss with others. What needs a training with
and one without a part of the method is not among them.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from headwater.evaluation.claims import Claim, measured
from headwater.evaluation.heads.claims import Errors, ErrorTable, scan_to_mesh_claims
from headwater.evaluation.heads.parts import part_scores, true_parts
from headwater.evaluation.heads.trials import HELD_OUT, Case, Trial, read_cases
from headwater.metrics.part_iou import AVERAGE
from headwater.systems.prdl.answer import reconstruct
from headwater.systems.prdl.config import Answering, Fitting
from headwater.systems.prdl.weights import TrainedPrdl
from headwater.training.determinism import deterministic

NAME: Final = "prdl"
SEED: Final = 0
NETWORK, BOTH = "network", "parts and landmarks"
PARTS, LANDMARKS = "parts alone", "landmarks alone"
_WHAT: Final = "Part IoU of the frontal view, %, paired difference"


def claims(
    trained: TrainedPrdl, data: Path, heads: int | None, progress: Callable[[int, int], None]
) -> list[Claim]:
    """Every claim, on the first ``heads`` of the held-out heads below ``data``, or on all."""
    cases = [case for case in read_cases(data) if case.test_set == HELD_OUT][:heads]
    rows = []
    with deterministic(trained.config.threads, trained.network.mean.device):
        for number, case in enumerate(cases):
            rows.append(overlaps(trained, case))
            progress(number + 1, len(cases))
    return [*claims_of(ErrorTable(rows, SEED)), *scan_to_mesh_claims(data, NAME, SEED)]


def overlaps(trained: TrainedPrdl, case: Case) -> Errors:
    """Part IoU, %, of one head from its frontal view, by what its answer was fitted to.

    The parts are exact, as those that answers are judged by: a parser's errors are not PRDL's.
    """
    trial = Trial(case, case.views.choose(np.array([0])))
    exact = [true_parts(trial)]
    found = {}
    for name, way in ways(trained).items():
        scores = part_scores(trial, reconstruct(way, trial.views, exact))
        if AVERAGE in scores:
            found[name] = scores[AVERAGE]
    return found


def ways(trained: TrainedPrdl) -> dict[str, TrainedPrdl]:
    """The trained network alone, and fitted to parts, to landmarks, and to both."""
    config = trained.config
    without = config.weights.model_copy(update={"prdl": 0.0})
    alone = Answering(fit=True, fitting=Fitting(landmarks=0.0))
    changes: dict[str, dict[str, Any]] = {
        NETWORK: {"answer": Answering()},
        BOTH: {"answer": Answering(fit=True)},
        PARTS: {"answer": alone},
        LANDMARKS: {"answer": Answering(fit=True), "weights": without},
    }
    return {
        name: replace(trained, config=config.model_copy(update=change))
        for name, change in changes.items()
    }


def claims_of(table: ErrorTable) -> list[Claim]:
    """The claims that follow from overlaps."""
    return [
        measured(
            "fitting to parts alone improves the network's answer",
            _WHAT,
            table.difference(PARTS, NETWORK),
            ">=",
            0.0,
            strict=True,
            own=True,
        ),
        measured(
            "parts and landmarks fit better than landmarks alone",
            _WHAT,
            table.difference(BOTH, LANDMARKS),
            ">=",
            0.0,
            strict=True,
        ),
    ]
