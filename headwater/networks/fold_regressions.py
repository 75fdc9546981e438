"""Ridge regressions on the views of persons, and those that did not see a fold of the persons."""

import torch
from torch import Tensor
from torch.nn import functional

FOLDS = 8
# Least number of persons with whom a regression without a fold of them tells about those left out.
FEWEST = 2 * FOLDS

# Weight (outputs, inputs) and bias (outputs,).
Regression = tuple[Tensor, Tensor]


def fold_regressions(
    x: Tensor, y: Tensor, person: Tensor, penalty: float
) -> tuple[Regression, list[Regression]]:
    """Regression on all rows, and for each fold that on the rows of all others' persons, float32.

    x: (n, inputs) and y: (n, outputs), float64. person: (n,). With fewer than ``FEWEST`` persons
    every fold has the regression on all. penalty: as ``ridge`` takes it.
    """
    whole = _single(ridge(x, y, penalty))
    if len(torch.unique(person)) < FEWEST:
        return whole, [whole] * FOLDS
    others = [person % FOLDS != fold for fold in range(FOLDS)]
    return whole, [_single(ridge(x[rows], y[rows], penalty)) for rows in others]


def out_of_fold(x: Tensor, y: Tensor, person: Tensor, folds: list[Regression]) -> Tensor:
    """Errors (n, outputs) float64 of each row's regression of ``fold_regressions`` without it."""
    errors = torch.zeros_like(y)
    for fold, (weight, bias) in enumerate(folds):
        rows = person % FOLDS == fold
        errors[rows] = y[rows] - functional.linear(x[rows], weight.double(), bias.double())
    return errors


def _single(regression: Regression) -> Regression:
    weight, bias = regression
    return weight.float(), bias.float()


def ridge(x: Tensor, y: Tensor, penalty: float) -> Regression:
    """Ridge regression, on inputs of unit variance: weight (outputs, inputs) and bias (outputs,).

    x: (n, inputs) and y: (n, outputs), float64. penalty: of squared weights.
    """
    mean, spread = x.mean(dim=0), x.std(dim=0).clamp(min=1e-9)
    scaled, wanted = (x - mean) / spread, y - y.mean(dim=0)
    if len(x) < x.shape[1]:
        # The same by the Gram matrix of the rows, which is then the smaller one.
        shares = torch.linalg.solve(_regular(scaled @ scaled.T, penalty), wanted)
        solution = scaled.T @ shares
    else:
        solution = torch.linalg.solve(_regular(scaled.T @ scaled, penalty), scaled.T @ wanted)
    weight = (solution / spread[:, None]).T
    return weight, y.mean(dim=0) - weight @ mean


def _regular(matrix: Tensor, penalty: float) -> Tensor:
    return matrix + penalty * torch.eye(len(matrix), dtype=matrix.dtype)
