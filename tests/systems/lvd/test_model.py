"""The LVD network: its published size, and its own way of computing a descent."""

import torch

from headwater.networks.vertex_descent.fields import random_ball
from headwater.systems.lvd.config import SIZES
from headwater.systems.lvd.model import Lvd
from tests.systems.glvd.test_model import view_batch
from tests.systems.lvd.slow_descent import slow_descent


def test_at_full_size_it_has_the_published_parameters() -> None:
    net = Lvd(SIZES["paper"], torch.zeros(6890, 3))
    assert sum(p.numel() for p in net.parameters()) == 25_838_396
    assert sum(p.numel() for p in net.f_v.parameters()) == 14_424_000
    with torch.no_grad():
        maps = net.f_v(torch.zeros(1, 4, 256, 256))
    assert [tuple(m.shape) for m in maps] == [(1, 256, 128, 128)] * 4


def test_the_descent_gives_the_numbers_of_lvds_own_way_of_computing() -> None:
    config = SIZES["smoke"].model_copy(update={"stacks": 4, "anchors": 0, "template_prior": False})
    torch.manual_seed(0)
    net = Lvd(config, torch.randn(300, 3)).eval()
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, 0.0, 0.05)
    views = view_batch(config, heads=1, views=1)
    start = random_ball(300, 0.42, torch.Generator().manual_seed(0))[None]
    with torch.no_grad():
        encoded = net.encode(views.images, views.projection)
        ours = net.descend(encoded, start, 10)[-1]
        slow = slow_descent(net, encoded, start, 10)
    assert (ours - start).norm(dim=-1).max() > 0.05
    torch.testing.assert_close(ours, slow, atol=1e-4, rtol=0)
