"""Batches of heads in training: the same for every system, each head in views of its own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headwater.data.camera_axes import turned_points
from headwater.data.canonical import to_canonical
from headwater.data.crops import crop_views, network_images
from headwater.data.head_batches import HeadBatches
from headwater.data.placement import placed_views
from headwater.data.view_sets import ViewSets
from headwater.networks.pixel_aligned import project
from headwater.networks.vertex_descent.training import examples_of
from headwater.systems.glvd.config import SIZES
from headwater.systems.lvd.config import SIZES as LVD_SIZES
from headwater.training.device import CPU
from tests.systems.toy_heads import toy_heads, toy_template, toy_views

TEMPLATE = toy_template()
HEADS = toy_heads(3, seed=1)
VIEWS = toy_views(HEADS, 4, seed=2)
FIRST = torch.tensor([5, 0, 9])


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def batches() -> HeadBatches:
    """Exact cameras, up to three views."""
    crops = crop_views(placed_views(VIEWS, TEMPLATE), TEMPLATE.nose_bridge, 64, 280.0)
    return HeadBatches(ViewSets(VIEWS, crops, TEMPLATE), 3, 0.0, 0.0, "canonical", CPU)


def test_every_row_shows_one_head_in_as_many_views_as_the_others(batches: HeadBatches) -> None:
    counts = set()
    for seed in range(20):
        batch = batches.draw(FIRST, drawn(seed))
        heads = batches.sets.crops.head[batch.rows]
        assert torch.equal(batch.rows[:, 0], FIRST)
        assert (heads == batch.heads[:, None]).all()
        count = batch.rows.shape[1]
        assert batch.images.shape == (3, count, 4, 64, 64)
        assert batch.projection.shape == (3, count, 3, 4)
        assert batch.jitter.shape == (3, count, 68, 2)
        counts.add(count)
    assert counts == {1, 2, 3}


def test_a_generator_gives_the_same_batch_again_and_another_gives_another(
    batches: HeadBatches,
) -> None:
    one, again, other = (batches.draw(FIRST, drawn(seed)) for seed in (4, 4, 5))
    assert torch.equal(one.images, again.images)
    assert torch.equal(one.projection, again.projection)
    assert torch.equal(one.jitter, again.jitter)
    assert one.jitter.shape != other.jitter.shape or not torch.equal(one.jitter, other.jitter)


def test_systems_of_equal_settings_see_the_same_views() -> None:
    """The comparison of two systems is one of their networks alone."""
    seen = []
    for config in (SIZES["smoke"], LVD_SIZES["smoke"]):
        examples = examples_of(config, HEADS, VIEWS, TEMPLATE)
        seen.append(examples.batches(config, CPU).draw(FIRST, drawn(3)))
    assert torch.equal(seen[0].images, seen[1].images)
    assert torch.equal(seen[0].projection, seen[1].projection)


def test_exact_cameras_stay_exact_in_any_axes(batches: HeadBatches) -> None:
    """A point of the head, turned into the axes, falls on the same pixel."""
    points = torch.from_numpy(to_canonical(HEADS.vertices, TEMPLATE.nose_bridge))[:, ::20]
    canonical = batches.draw(FIRST, drawn(1))
    camera = replace(batches, space="camera").draw(FIRST, drawn(1))
    assert torch.equal(canonical.images, camera.images)
    assert not torch.equal(canonical.axes, camera.axes)
    here, _ = project(points[canonical.heads], canonical.projection)
    there, _ = project(turned_points(points[camera.heads], camera.axes), camera.projection)
    torch.testing.assert_close(there, here, atol=2e-2, rtol=0)


def test_cameras_err_by_as_much_as_they_are_told(batches: HeadBatches) -> None:
    """The pixel of the canonical origin moves by the shift alone, the others by the turn, too."""
    crops = batches.sets.crops
    exact = crops.projection[FIRST]
    origin, tip = torch.zeros(3, 1, 3), torch.tensor([[[0.0, 0.0, 1.0]]]).expand(3, -1, -1)
    moved, turned = [], []
    for seed in range(300):
        shifted = HeadBatches(batches.sets, 1, 0.0, 2.0, "canonical", CPU).draw(FIRST, drawn(seed))
        moved.append(project(origin, shifted.projection)[0] - project(origin, exact[:, None])[0])
        tilted = HeadBatches(batches.sets, 1, 3.0, 0.0, "canonical", CPU).draw(FIRST, drawn(seed))
        kept = project(origin, tilted.projection)[0] - project(origin, exact[:, None])[0]
        assert kept.abs().max() < 1e-3
        turned.append(project(tip, tilted.projection)[0] - project(tip, exact[:, None])[0])
    assert float(torch.stack(moved).std()) == pytest.approx(2.0, rel=0.1)
    # Seen from the front, a turn by an angle moves a point 100 mm before the origin by its sine.
    px_per_unit = float((exact[:, 0, 0].abs() / exact[:, 2, 3]).mean())
    expected = np.radians(3.0) * px_per_unit
    assert float(torch.stack(turned).std()) == pytest.approx(expected, rel=0.35)


def test_colours_and_masks_are_disturbed_within_bounds(batches: HeadBatches) -> None:
    clean = network_images(batches.sets.crops.pixels[FIRST])
    changed = masks = 0
    for seed in range(30):
        images = (
            HeadBatches(batches.sets, 1, 0.0, 0.0, "canonical", CPU).draw(FIRST, drawn(seed)).images
        )
        assert images.isfinite().all()
        colour, mask = images[:, 0, :3], images[:, 0, 3:]
        assert float(mask.min()) >= 0.0
        assert float(mask.max()) <= 1.0
        # Normalised colours of 0 to 1 lie within -2.2 and 2.7; nothing shows behind the mask.
        assert float(colour.abs().max()) < 2.8
        assert (colour[(mask == 0).expand_as(colour)] == 0).all()
        changed += not torch.equal(colour, clean[:, :3])
        masks += not torch.equal(mask, clean[:, 3:])
    assert changed == 30
    assert 5 < masks < 30
