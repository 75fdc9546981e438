"""The fit finds what SciPy's general solver finds, on curved and on spoilt problems."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import least_squares

from headwater.geometry.robust_fit import robust_minimum

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Decay:
    """y = a exp(-b t) with logarithms of a and b as the state; no value beyond ``limit``."""

    times: FloatArray
    values: FloatArray
    limit: float = np.inf

    def residuals(self, state: FloatArray) -> FloatArray:
        rest = np.exp(state[0] - np.exp(state[1]) * self.times) - self.values
        return rest if state[1] < self.limit else np.full_like(rest, np.nan)

    def slopes(self, state: FloatArray) -> FloatArray:
        model = np.exp(state[0] - np.exp(state[1]) * self.times)
        return np.column_stack([model, -model * np.exp(state[1]) * self.times])

    def moved(self, state: FloatArray, step: FloatArray) -> FloatArray:
        return state + step


@pytest.mark.parametrize("seed", range(5))
def test_same_minimum_as_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.linspace(0, 3, 40)
    values = 20 * np.exp(-1.7 * times) + rng.normal(0, 0.3, 40)
    values[rng.integers(0, 40, 4)] += 30  # gross errors
    problem, start = Decay(times, values), np.array([1.0, -2.0])
    found = robust_minimum(problem, start, 1e-12, 200)
    wanted = least_squares(problem.residuals, start, loss="soft_l1", xtol=1e-12, ftol=1e-12).x
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_impossible_states_are_not_entered() -> None:
    times = np.linspace(0, 3, 40)
    problem = Decay(times, 5 * np.exp(-2 * times), limit=float(np.log(1.5)))
    found = robust_minimum(problem, np.array([0.0, 0.0]), 1e-9, 200)
    assert np.isfinite(problem.residuals(found)).all()
    assert np.exp(found[1]) < 1.5
