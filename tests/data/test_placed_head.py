"""Views of one head, placed: points go to the network's axes and back."""

import numpy as np
import pytest
import torch

from headwater.data.placed_head import placed_head
from headwater.data.view_sets import ViewSets
from headwater.geometry.cameras import project as project_mm
from headwater.networks.pixel_aligned import project
from headwater.networks.vertex_descent.training import examples_of
from headwater.systems.lvd.config import SIZES
from tests.systems.toy_heads import toy_heads, toy_template, toy_views

TEMPLATE = toy_template()
HEADS = toy_heads(2, seed=1)
VIEWS = toy_views(HEADS, 3, seed=2)
OF_FIRST = VIEWS.choose(np.flatnonzero(VIEWS.head == 0))


@pytest.mark.parametrize("space", ["canonical", "camera"])
def test_points_come_back_from_a_networks_axes(space) -> None:
    placed = placed_head(OF_FIRST, TEMPLATE, 64, 280.0, space)
    points = HEADS.vertices[0]
    np.testing.assert_allclose(placed.to_views(placed.to_network(points)), points, atol=1e-3)


@pytest.mark.parametrize("space", ["canonical", "camera"])
def test_its_cameras_see_a_head_where_the_views_show_it(space) -> None:
    placed = placed_head(OF_FIRST, TEMPLATE, 64, 280.0, space)
    points = HEADS.vertices[0][::10]
    pixels, depth = project(placed.to_network(points), placed.projection)
    assert (depth > 0).all()
    for view in range(len(OF_FIRST)):
        in_image, _ = project_mm(OF_FIRST.camera(view), points)
        to_crop = placed.crops.to_crop[view]
        expected = in_image @ to_crop[:2, :2].T + to_crop[:2, 2]
        np.testing.assert_allclose(pixels[0, view], expected, atol=0.02)


def test_a_lone_view_is_placed_as_in_training() -> None:
    config = SIZES["smoke"].model_copy(update={"mirror": False})
    seen = examples_of(config, HEADS, VIEWS, TEMPLATE)
    for row in range(len(VIEWS)):
        lone = VIEWS.choose(np.array([row]))
        placed = placed_head(lone, TEMPLATE, config.image_px, config.crop_mm, "canonical")
        assert torch.equal(placed.crops.pixels[0], seen.crops.pixels[row])
        torch.testing.assert_close(placed.projection[0, 0], seen.crops.projection[row])


def test_several_views_are_placed_as_in_training() -> None:
    config = SIZES["smoke"].model_copy(update={"mirror": False})
    seen = examples_of(config, HEADS, VIEWS, TEMPLATE)
    sets = ViewSets(VIEWS, seen.crops, TEMPLATE)
    placed = placed_head(OF_FIRST, TEMPLATE, config.image_px, config.crop_mm, "canonical")
    torch.testing.assert_close(placed.projection, sets.projection(torch.tensor([[0, 1, 2]])))
    # Crops, and what each view tells by itself, do not depend on those beside it.
    assert torch.equal(placed.crops.pixels, seen.crops.pixels[:3])
    assert torch.equal(placed.crops.projection, seen.crops.projection[:3])
