"""Robust least squares for problems of a few parameters.

A general solver spends several times more on its bookkeeping than such problems cost.
"""

from typing import Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
State = TypeVar("State")

_FIRST_DAMPING: Final = 1e-4
_LEAST_DAMPING: Final = 1e-9
_GIVE_UP_DAMPING: Final = 1e8
# All parameters are of order one: a longer step is trusted no more than its direction.
_LONGEST_STEP: Final = 1.0


class Problem(Protocol[State]):
    """Residuals (m,) of a state, in units of their spread, and how they change with n parameters.

    Parameters are steps away from a state, so that a rotation needs no global coordinates.
    """

    def residuals(self, state: State) -> FloatArray:
        """Residuals (m,); not finite where the state is impossible."""
        ...

    def slopes(self, state: State) -> FloatArray:
        """Derivatives (m, n) of ``residuals`` by the parameters, at step zero."""
        ...

    def moved(self, state: State, step: FloatArray) -> State:
        """The state a step (n,) away."""
        ...


def robust_minimum(
    problem: Problem[State], state: State, tolerance: float, max_evaluations: int
) -> State:
    """The state with the least sum of sqrt(1 + residual²), near ``state``, which is possible.

    Levenberg-Marquardt with Marquardt's scaling on iteratively reweighted residuals. Ends when a
    step lowers the sum by less than ``tolerance`` of it.
    """
    residuals = problem.residuals(state)
    lengths = np.sqrt(1 + residuals**2)
    damping = _FIRST_DAMPING
    slopes = problem.slopes(state)
    for _ in range(max_evaluations):
        weighted = slopes / lengths[:, None]
        curvature, gradient = weighted.T @ slopes, weighted.T @ residuals
        curvature[np.diag_indices_from(curvature)] *= 1 + damping
        step = -np.linalg.solve(curvature, gradient)
        step *= _LONGEST_STEP / max(_LONGEST_STEP, np.abs(step).max())
        tried = problem.moved(state, step)
        tried_residuals = problem.residuals(tried)
        tried_lengths = np.sqrt(1 + tried_residuals**2)
        gain = float(lengths.sum() - tried_lengths.sum())
        if not gain >= 0:
            damping *= 10
            if damping > _GIVE_UP_DAMPING:
                break
            continue
        state, residuals, lengths = tried, tried_residuals, tried_lengths
        if gain <= tolerance * float((lengths - 1).sum()):
            break
        damping = max(damping / 10, _LEAST_DAMPING)
        slopes = problem.slopes(state)
    return state
