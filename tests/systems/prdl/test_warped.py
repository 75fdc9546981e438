"""Images warped to other landmarks: what is seen at a landmark goes where the landmark goes."""

import pytest
import torch
from torch import Tensor

from headwater.systems.prdl.data import Examples
from headwater.systems.prdl.warped import warped
from tests.systems.prdl.toy_face import SIDE, drawn_head, example_of, toy_network

# The tip of the nose and an outer corner of an eye.
MARKS = (30, 36)


def example() -> Examples:
    network = toy_network()
    return example_of(network, drawn_head(network, 1))


def spot(at: Tensor) -> Tensor:
    """A picture (1, SIDE, SIDE, 3) of a bright spot (2,) px."""
    places = torch.arange(SIDE) + 0.5
    y, x = torch.meshgrid(places, places, indexing="ij")
    light = 255 * torch.exp(-((x - at[0]).square() + (y - at[1]).square()) / 8)
    return light[None, :, :, None].expand(-1, -1, -1, 3).round().to(torch.uint8)


def middle(pixels: Tensor) -> Tensor:
    """Mean place (2,) of the light of a picture (1, S, S, 3), px."""
    light = pixels[0, :, :, 0].double()
    places = torch.arange(SIDE) + 0.5
    across, down = (light.sum(dim=axis) @ places.double() for axis in (0, 1))
    return torch.stack([across, down]) / light.sum()


def smooth(landmarks: Tensor) -> Tensor:
    """A change (1, 68, 2) px as another person's: wider, and longer below."""
    away = landmarks - landmarks.mean(dim=1, keepdim=True)
    return away * torch.tensor([0.08, 0.05]) + torch.tensor([0.5, -0.8])


@pytest.mark.parametrize("mark", MARKS)
def test_a_spot_goes_with_its_landmark(mark: int) -> None:
    first = example()
    first.pixels[:] = spot(first.landmarks[0, mark])
    found = warped(first, smooth(first.landmarks))
    torch.testing.assert_close(found.landmarks, first.landmarks + smooth(first.landmarks))
    assert (middle(found.pixels) - found.landmarks[0, mark]).norm() < 0.4
    assert (middle(found.pixels) - first.landmarks[0, mark]).norm() > 0.5


def test_parts_go_along_and_stay_whole_numbers() -> None:
    first = example()
    found = warped(first, smooth(first.landmarks))
    assert set(found.parts.unique().tolist()) <= set(first.parts.unique().tolist())
    wider = (found.parts > 0).sum() / (first.parts > 0).sum()
    assert 1.05 < wider < 1.25


def test_nothing_moves_without_a_change_and_for_unseen_landmarks() -> None:
    first = example()
    same = warped(first, torch.zeros_like(first.landmarks))
    assert (same.pixels.int() - first.pixels.int()).abs().max() <= 1
    assert torch.equal(same.parts, first.parts)
    first.landmarks[0, 3] = torch.nan
    change = smooth(torch.nan_to_num(first.landmarks))
    found = warped(first, change)
    assert found.landmarks[0, 3].isnan().all()
    assert found.landmarks[0, 4].isfinite().all()
    assert found.pixels.float().mean() > 1
