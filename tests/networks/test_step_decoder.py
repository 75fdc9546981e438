"""Step decoders: a point's own rows are a part of the whole field."""

import pytest
import torch

from headwater.networks.step_decoder import StepDecoder


@pytest.mark.parametrize("anchors", [0, 5])
def test_own_rows_are_the_diagonal_of_the_full_output(anchors: int) -> None:
    torch.manual_seed(1)
    decoder = StepDecoder(9, 16, 12, torch.rand(12, anchors) if anchors else None)
    if anchors:
        torch.nn.init.normal_(decoder.shared)
        torch.nn.init.normal_(decoder.last.weight)
    x = torch.randn(2, 12, 9)
    full = decoder.full(decoder.features(x), decoder.rows())
    diagonal = torch.stack([full[:, i, i] for i in range(12)], dim=1)
    own = decoder.own_rows(decoder.features(x), decoder.rows())
    torch.testing.assert_close(own, diagonal, atol=1e-6, rtol=1e-6)
    chosen = torch.tensor([7, 2, 2])
    some = decoder.own_rows(decoder.features(x[:, chosen]), decoder.rows(chosen))
    torch.testing.assert_close(some, diagonal[:, chosen], atol=1e-6, rtol=1e-6)


def test_the_vertex_decoder_has_the_gradient_that_differences_show() -> None:
    torch.manual_seed(0)
    decoder = StepDecoder(5, 8, 4, torch.rand(4, 3)).double()
    torch.nn.init.normal_(decoder.shared)
    torch.nn.init.normal_(decoder.last.weight)
    x = torch.randn(1, 4, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda y: decoder.own_rows(decoder.features(y), decoder.rows()), (x,)
    )


@pytest.mark.parametrize("views", [False, True])
def test_inputs_that_all_points_of_a_head_share_are_multiplied_once(views: bool) -> None:
    torch.manual_seed(0)
    decoder = StepDecoder(inputs=9, hidden=8, points=5).double()
    shape = (2, 3, 5) if views else (2, 5)
    x, same = torch.randn(*shape, 6, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    spread = same.reshape(2, *(1,) * (len(shape) - 1), 3).expand(*shape, 3)
    seen = torch.rand(2, 3, 5) < 0.7 if views else None
    whole = decoder.features(torch.cat([x, spread], dim=-1), seen)
    torch.testing.assert_close(decoder.features(x, seen, same), whole)
