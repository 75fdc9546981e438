"""Claims of the PRDL paper on a build's held-out heads: what parts and expressions add.

In training, networks without a part of the method are compared with the one that has all (table 1).
In fitting, the paper compares its loss with others (figure 10).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from headwater.evaluation.claims import Claim, measured
from headwater.evaluation.heads.answer import prediction
from headwater.evaluation.heads.claims import Errors, ErrorTable, scan_to_mesh_claims
from headwater.evaluation.heads.parts import part_scores, true_parts
from headwater.evaluation.heads.trials import Case, Trial, held_out_cases
from headwater.metrics.part_iou import AVERAGE
from headwater.systems.prdl.ablation import (
    ABLATIONS,
    WITHOUT_EXPRESSIONS,
    WITHOUT_PARTS,
    ablated,
)
from headwater.systems.prdl.answer import reconstruct
from headwater.systems.prdl.config import Answering, Fitting
from headwater.systems.prdl.weights import TrainedPrdl
from headwater.training.determinism import deterministic

NAME: Final = "prdl"
SEED: Final = 0
NETWORK, BOTH = "network", "parts and landmarks"
PARTS, LANDMARKS = "parts alone", "landmarks alone"
# Least strength of an extreme expression, mm.
EXTREME_MM: Final = 2.0
_GROUPS: Final = {
    AVERAGE: (AVERAGE,),
    "eyes": ("left_eye_iou", "right_eye_iou"),
    "mouth": ("upper_lip_iou", "lower_lip_iou"),
}
_WHAT: Final = "Part IoU of the frontal view, %, paired difference"
_SCAN: Final = "face scan-to-mesh error of the frontal view, mm, paired difference"


def claims(
    trained: TrainedPrdl, data: Path, heads: int | None, progress: Callable[[int, int], None]
) -> list[Claim]:
    """Every claim, on the first ``heads`` of the held-out heads below ``data``, or on all.

    Trains a network for each ablation.
    """
    cases = held_out_cases(data, heads)
    total = len(ABLATIONS) + len(cases)
    others = ablated(trained, data, lambda done, _: progress(done, total))
    rows, learned, extreme = [], [], []
    with deterministic(trained.config.threads, trained.network.mean.device):
        for number, case in enumerate(cases):
            rows.append(overlaps(trained, case))
            learned.append(learned_scores({NETWORK: ways(trained)[NETWORK], **others}, case))
            if case.truth.expression_mm >= EXTREME_MM:
                extreme.append(learned[-1])
            progress(len(ABLATIONS) + number + 1, total)
    return [
        *claims_of(ErrorTable(rows, SEED)),
        *training_claims(ErrorTable(learned, SEED), "all heads"),
        *training_claims(ErrorTable(extreme, SEED), f"expressions of {EXTREME_MM:g} mm and more"),
        *scan_to_mesh_claims(data, NAME, SEED),
    ]


def learned_scores(networks: Mapping[str, TrainedPrdl], case: Case) -> Errors:
    """Scores of one head from its frontal view, by network and measure: mm, or Part IoU in %."""
    trial = Trial(case, case.views.choose(np.array([0])))
    found: Errors = {}
    for name, trained in networks.items():
        answer = reconstruct(trained, trial.views)
        row = trial.score(prediction(answer.template, answer.vertices), NAME)
        if row.failure is None:
            found[f"{name}: mm"] = row.face_scan_to_mesh_mm
        scores = part_scores(trial, answer)
        for group, parts in _GROUPS.items():
            known = [scores[part] for part in parts if part in scores]
            if known:
                found[f"{name}: {group}"] = float(np.mean(known))
    return found


def training_claims(table: ErrorTable, heads: str) -> Iterator[Claim]:
    """Claims about PRDL and edited expressions in training; heads: those of ``table``, in words."""
    for what, without in (("PRDL", WITHOUT_PARTS), ("other expressions", WITHOUT_EXPRESSIONS)):
        for group in _GROUPS:
            of = "" if group == AVERAGE else f" of the {group}"
            yield measured(
                f"training with {what} raises the Part IoU{of}, {heads}",
                _WHAT,
                table.difference(f"{NETWORK}: {group}", f"{without}: {group}"),
                ">=",
                0.0,
                strict=True,
            )
        yield measured(
            f"training with {what} lowers the scan-to-mesh error, {heads}",
            _SCAN,
            table.difference(f"{NETWORK}: mm", f"{without}: mm"),
            "<=",
            0.0,
            strict=True,
        )


def overlaps(trained: TrainedPrdl, case: Case) -> Errors:
    """Part IoU, %, of one head from its frontal view, by what its answer was fitted to.

    It is fitted to exact parts, those by which answers are scored: errors of a parser are not
    PRDL's.
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
    """The trained network without fitting, and with fitting to parts, to landmarks, and to both."""
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
        name: replace(trained, config=config.model_copy(update={"parts": "exact", **change}))
        for name, change in changes.items()
    }


def claims_of(table: ErrorTable) -> list[Claim]:
    """The claims about fitting, from the overlaps of all heads."""
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
