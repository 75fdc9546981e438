"""Losses of the generators: by hand, and their gradients by differences."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from headwater.expressions.generator_losses import (
    feature_matching,
    generator_hinge,
    generator_least_squares,
    hinge,
    least_squares,
    over_scales,
)

LOGITS = torch.tensor([[-2.0, 0.5], [1.5, 0.0]], dtype=torch.float64)


def test_losses_by_hand() -> None:
    assert hinge(LOGITS, real=True) == pytest.approx((3.0 + 0.5 + 0.0 + 1.0) / 4)
    assert hinge(LOGITS, real=False) == pytest.approx((0.0 + 1.5 + 2.5 + 1.0) / 4)
    assert generator_hinge(LOGITS) == pytest.approx(0.0)
    assert least_squares(LOGITS, real=True) == pytest.approx((9 + 0.25 + 0.25 + 1) / 4)
    assert least_squares(LOGITS, real=False) == pytest.approx((4 + 0.25 + 2.25 + 0) / 4)
    assert generator_least_squares(LOGITS) == least_squares(LOGITS, real=True)


def test_scales_count_alike_and_by_their_logits_alone() -> None:
    scales = [[torch.full((1,), 9.0), torch.ones(2)], [torch.full((1,), 9.0), torch.zeros(4)]]
    assert over_scales(torch.Tensor.mean, scales) == pytest.approx(0.5)


def features(value: float) -> list[Tensor]:
    return [torch.full((2, 3), value), torch.full((2, 1), 10 * value)]


def test_feature_matching_leaves_logits_out() -> None:
    made, real = [features(1.0), features(2.0)], [features(0.0), features(5.0)]
    assert feature_matching(made, real) == pytest.approx((1.0 + 3.0) / 2)
    assert feature_matching(made, made) == 0


def test_real_features_are_constants() -> None:
    real = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    made = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    feature_matching([[made, made]], [[real, real]]).backward()
    assert real.grad is None
    assert made.grad is not None


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: hinge(x, real=True),
        lambda x: hinge(x, real=False),
        generator_hinge,
        lambda x: least_squares(x, real=True),
        lambda x: least_squares(x, real=False),
        generator_least_squares,
        lambda x: over_scales(generator_hinge, [[x], [x[:1] * 2]]),
        lambda x: feature_matching([[x, x], [x * 3, x]], [[x * 0 + 7, x], [x * 0 - 7, x]]),
    ],
)
def test_gradients_are_those_of_differences(loss) -> None:
    # Away from the kinks at 1 and -1, where a difference would straddle both sides.
    x = torch.tensor([[-2.3, 0.4], [1.7, -0.2]], dtype=torch.float64, requires_grad=True)
    assert gradcheck(loss, (x,), eps=1e-6, atol=1e-8)
