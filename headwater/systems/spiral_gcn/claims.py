"""Claims about the system that one trained network can show, on a build's held-out heads."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from headwater.evaluation.claims import Claim, measured
from headwater.evaluation.heads.answer import prediction
from headwater.evaluation.heads.claims import Errors, ErrorTable, scan_to_mesh_claims
from headwater.evaluation.heads.trials import Case, Trial, held_out_cases
from headwater.systems.spiral_gcn.answer import reconstruct
from headwater.systems.spiral_gcn.weights import TrainedSpiral
from headwater.training.determinism import deterministic

NAME: Final = "spiral_gcn"
SEED: Final = 0
COARSE, DETAILED, TURNED = "coarse", "detailed", "turned"
TURNED_DEGREES: Final = 45.0
_WHAT: Final = "face scan-to-mesh error from one view, mm"


def claims(
    trained: TrainedSpiral, data: Path, heads: int | None, progress: Callable[[int, int], None]
) -> list[Claim]:
    """Every claim, on the first ``heads`` of the held-out heads below ``data``, or on all."""
    cases = held_out_cases(data, heads)
    rows = []
    with deterministic(trained.config.threads, trained.network.mean.device):
        for number, case in enumerate(cases):
            rows.append(errors_of(trained, case))
            progress(number + 1, len(cases))
    return [*claims_of(ErrorTable(rows, SEED)), *scan_to_mesh_claims(data, NAME, SEED)]


def errors_of(trained: TrainedSpiral, case: Case) -> Errors:
    """Errors, mm, of one head: coarse and detailed from the front, coarse in its most turned view.

    Those that could not be judged are left out, and a turned view below ``TURNED_DEGREES``.
    """
    errors = {}
    frontal = Trial(case, case.views.choose(np.array([0])))
    found = reconstruct(trained, frontal.views)
    for name, vertices in ((COARSE, found.coarse), (DETAILED, found.detailed)):
        errors[name] = _error(trained, frontal, vertices)
    single = [
        Trial(case, case.views.choose(np.array([row])), row) for row in range(len(case.views))
    ]
    turned = max(single, key=lambda trial: abs(trial.yaw_degrees))
    if abs(turned.yaw_degrees) >= TURNED_DEGREES:
        errors[TURNED] = _error(trained, turned, reconstruct(trained, turned.views).coarse)
    return {name: error for name, error in errors.items() if np.isfinite(error)}


def _error(trained: TrainedSpiral, trial: Trial, vertices: np.ndarray) -> float:
    row = trial.score(prediction(trained.template, vertices), NAME)
    return float("nan") if row.failure is not None else float(row.face_scan_to_mesh_mm)


def claims_of(table: ErrorTable) -> list[Claim]:
    """The claims that follow from errors."""
    return [
        measured(
            "detail does not raise the error",
            f"{_WHAT}, detailed less coarse",
            table.difference(DETAILED, COARSE),
            "<=",
            0.0,
        ),
        measured(
            "robust to pose",
            f"{_WHAT}, coarse, in a view turned by {TURNED_DEGREES:g} degrees or more, beside "
            "the frontal one, ratio",
            table.ratio(TURNED, COARSE),
            "<=",
            1.1,
        ),
    ]
