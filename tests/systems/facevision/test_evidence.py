"""The most probable head: exact where the maps are, the mean head where they know nothing."""

from dataclasses import replace

import numpy as np
import torch

from headwater.data.canonical import to_canonical
from headwater.data.crops import seen_points
from headwater.data.face_codes import FaceCut, face_cut
from headwater.data.face_maps import Maps, range_of, render_maps
from headwater.data.placement import canonical_heads
from headwater.data.scenes import FloatArray
from headwater.systems.facevision.evidence import (
    Noise,
    Prior,
    Reading,
    head_prior,
    latents_of,
    measured_noise,
    most_probable,
    read_anchors,
)
from headwater.systems.facevision.train import prior_of
from tests.data.ellipsoid import seen
from tests.systems.facevision.toy_scenes import TOY, toy_scenes, toy_set
from tests.systems.toy_heads import toy_template

ORIGIN = np.zeros(3, np.float32)
MM = 2.0
LATENT = np.array([1.2, -0.7, 0.4, -1.0, 0.9])


def bumpy_prior(cut: FaceCut) -> Prior:
    """An ellipsoid that is wider, longer and deeper in places, by a few mm."""
    x, y, z = cut.mean.T / 60.0
    waves = np.stack([np.sin(3 * x), np.cos(4 * y), x * y, z**2, np.sin(2 * x + 3 * y)])
    axes = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]])
    basis = 4.0 * waves[:, :, None] * axes[:, None]
    return Prior(cut.mean, basis.astype(np.float32))


def tiny_noise(count: int, mm: float, components: int = 5) -> Noise:
    covariance = np.eye(3 * count, dtype=np.float32) * mm**2
    mean, slope = (
        np.zeros((2, 3 * count), np.float32),
        np.zeros((2, 3 * count, components), np.float32),
    )
    return Noise(mean, slope, np.stack([covariance, 100 * covariance]))


def exact_reading(head: FloatArray, projection: np.ndarray, rows: np.ndarray) -> Reading:
    points = seen_points(torch.from_numpy(projection)[None].float(), head[rows], ORIGIN)[0]
    return Reading(points - [0.0, 0.0, 950.0], projection, MM, 950.0, estimated=False)


def test_exact_anchors_give_the_head_and_none_gives_the_mean() -> None:
    scene = seen(128, subdivisions=3)
    cut, prior = scene.cut, bumpy_prior(scene.cut)
    rows = cut.anchors(60)
    true = prior.mean + np.tensordot(LATENT, prior.components, 1)
    true = true.astype(np.float32)
    reading = exact_reading(true, scene.projection, rows)
    found = most_probable(prior, tiny_noise(60, 0.02), [reading], rows, ORIGIN)
    assert np.linalg.norm(found - true, axis=1).max() < 0.1
    for nothing in ([], [replace(reading, places=np.full((60, 3), np.nan))]):
        mean = most_probable(prior, tiny_noise(60, 0.02), nothing, rows, ORIGIN)
        np.testing.assert_allclose(mean, prior.mean, atol=1e-5)
    # Maps that are not to be believed hardly move it, as here those of an estimated camera.
    for spread, estimated in ((500.0, False), (50.0, True)):
        doubted = replace(reading, estimated=estimated)
        vague = most_probable(prior, tiny_noise(60, spread), [doubted], rows, ORIGIN)
        assert np.linalg.norm(vague - prior.mean, axis=1).max() < 0.2


def test_usual_errors_are_taken_out_and_a_second_view_counts() -> None:
    scene = seen(128, subdivisions=3)
    cut, prior = scene.cut, bumpy_prior(scene.cut)
    rows = cut.anchors(60)
    rng = np.random.default_rng(0)
    true = (prior.mean + np.tensordot(rng.normal(size=5), prior.components, 1)).astype(np.float32)
    bias = rng.normal(0, 5.0, 180)
    exact = exact_reading(true, scene.projection, rows)
    wrong = replace(exact, places=exact.places + bias.reshape(60, 3) / exact.units)
    noise = replace(tiny_noise(60, 0.05), mean=np.stack([bias, 0 * bias]).astype(np.float32))
    found = most_probable(prior, noise, [wrong], rows, ORIGIN)
    assert np.linalg.norm(found - true, axis=1).max() < 0.2
    errors = {
        count: np.mean([_noisy_error(prior, true, exact, rows, count, rng) for _ in range(6)])
        for count in (1, 4)
    }
    assert errors[4] < errors[1] < np.linalg.norm(prior.mean - true, axis=1).mean()


def _noisy_error(
    prior: Prior,
    true: FloatArray,
    exact: Reading,
    rows: np.ndarray,
    views: int,
    rng: np.random.Generator,
) -> float:
    """Mean error, mm, of a head found from views whose anchors are 2 mm off."""
    noisy = [
        replace(exact, places=exact.places + rng.normal(0, 2.0, (len(rows), 3)) / exact.units)
        for _ in range(views)
    ]
    found = most_probable(prior, tiny_noise(len(rows), 2.0), noisy, rows, ORIGIN)
    return float(np.linalg.norm(found - true, axis=1).mean())


def test_anchors_are_read_where_the_maps_have_their_codes() -> None:
    scene = seen(128, subdivisions=4)
    cut = scene.cut
    maps = render_maps(scene.pixels, scene.depth, cut, 128, range_of(scene.depth))
    depth = maps.range.depth_mm(maps.depth)
    anchors = cut.anchors(80)
    mm = 200 / 128
    places = read_anchors(maps, depth, cut, anchors, mm)
    true = np.column_stack([scene.pixels, scene.depth])[anchors]
    front = cut.mean[anchors, 2] > 20.0
    off = np.abs(places - true)[front] * [mm, mm, 1.0]
    assert np.isfinite(places[front]).all()
    assert off.mean() < 0.4
    assert off.max() < 2.0
    # What is turned away is not seen.
    assert np.isnan(places[cut.mean[anchors, 2] < -15.0]).all()
    nothing = Maps(maps.depth, maps.codes, np.zeros_like(maps.mask), maps.range)
    assert np.isnan(read_anchors(nothing, depth, cut, anchors, mm)).all()


def test_noise_is_the_errors_own_and_as_large_as_on_views_that_were_not_learned() -> None:
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(12, 12))
    errors = (rng.normal(size=(4000, 12)) @ mix.T + 3.0).reshape(4000, 4, 3)
    errors[rng.random((4000, 4)) < 0.03] = np.nan
    given = np.zeros(4000, np.bool_)
    heads = rng.normal(size=(4000, 2))
    noise = measured_noise(errors, heads, given, given)
    assert np.abs(noise.slope).max() < 0.5
    np.testing.assert_allclose(noise.mean, 3.0, atol=0.4)
    true = mix @ mix.T
    # Without a view whose camera was estimated, all stand for these.
    np.testing.assert_array_equal(noise.covariance[0], noise.covariance[1])
    np.testing.assert_allclose(np.diag(noise.covariance[0]), np.diag(true), rtol=0.12)
    off = ~np.eye(12, dtype=bool)
    assert np.abs(noise.covariance[0] / 0.9 - true)[off].mean() < 0.1 * np.abs(true[off]).mean()
    held_out = np.zeros(4000, np.bool_)
    held_out[:400] = True
    errors[held_out] = 3.0 + 2.0 * (errors[held_out] - 3.0)
    larger = measured_noise(errors, heads, held_out, given)
    ratio = np.diag(larger.covariance[0]) / np.diag(true)
    # All of it, learned and not, has 1.3 times the variance; what was not learned has 4 times.
    np.testing.assert_allclose(ratio, 4.0 * 1.3, rtol=0.25)
    estimated = np.arange(4000) % 2 == 1
    larger_there = np.where(estimated[:, None, None], 5.0, 1.0) * errors
    apart = measured_noise(larger_there, heads, given, estimated)
    assert np.diag(apart.covariance[1]).mean() > 15 * np.diag(apart.covariance[0]).mean()
    unseen = measured_noise(np.full((50, 4, 3), np.nan), heads[:50], given[:50], given[:50])
    assert np.isfinite(unseen.covariance).all()
    np.linalg.cholesky(unseen.covariance[0])


def test_what_errors_owe_to_the_head_is_found_and_is_no_noise() -> None:
    rng = np.random.default_rng(1)
    heads, slope = rng.normal(size=(2000, 3)), rng.normal(size=(12, 3))
    rest = 0.5 * rng.normal(size=(2000, 12))
    errors = (heads @ slope.T + rest).reshape(2000, 4, 3)
    errors[rng.random((2000, 4)) < 0.2] = np.nan
    none = np.zeros(2000, np.bool_)
    noise = measured_noise(errors, heads, none, none)
    np.testing.assert_allclose(noise.slope[0], slope, atol=0.2)
    np.testing.assert_allclose(np.diag(noise.covariance[0]), 0.25, rtol=0.25)


def test_maps_that_go_half_the_way_to_the_head_give_it_whole() -> None:
    scene = seen(128, subdivisions=3)
    prior = bumpy_prior(scene.cut)
    rows = scene.cut.anchors(60)
    true, half = (
        (prior.mean + np.tensordot(share * LATENT, prior.components, 1)).astype(np.float32)
        for share in (1.0, 0.5)
    )
    usual = exact_reading(prior.mean, scene.projection, rows)
    slope = np.stack(
        [
            (exact_reading(prior.mean + one, scene.projection, rows).places - usual.places)
            * usual.units
            for one in prior.components
        ],
        axis=-1,
    ).reshape(180, 5)
    reading = exact_reading(half, scene.projection, rows)
    blind = tiny_noise(60, 0.02)
    knowing = replace(blind, slope=np.stack([-0.5 * slope] * 2).astype(np.float32))
    off = [
        np.linalg.norm(most_probable(prior, one, [reading], rows, ORIGIN) - true, axis=1).max()
        for one in (blind, knowing)
    ]
    assert off[0] > 1.0
    assert off[1] < 0.2


def test_a_view_that_fits_no_head_counts_less_beside_good_ones() -> None:
    scene = seen(128, subdivisions=3)
    prior = bumpy_prior(scene.cut)
    rows = scene.cut.anchors(60)
    true = prior.mean + np.tensordot(LATENT, prior.components, 1)
    good = exact_reading(true.astype(np.float32), scene.projection, rows)
    off = np.random.default_rng(4).normal(size=good.places.shape) * [6.0, 6.0, 12.0]
    bad = replace(good, places=good.places + off)
    errors = [
        np.linalg.norm(
            most_probable(prior, tiny_noise(60, 0.5), views, rows, ORIGIN) - true, axis=1
        ).mean()
        for views in ([good], [good, bad], [bad])
    ]
    assert errors[1] < errors[0] + 0.1 * (errors[2] - errors[0])


def test_components_of_heads_make_them_again() -> None:
    prior = bumpy_prior(seen(64, subdivisions=2).cut)
    flat = prior.components.reshape(5, -1)
    turned = np.linalg.qr(flat.T)[0].T * np.linalg.norm(flat, axis=1)[:, None]
    apart = Prior(prior.mean, turned.reshape(prior.components.shape).astype(np.float32))
    head = apart.mean + np.tensordot(LATENT, apart.components, 1)
    np.testing.assert_allclose(latents_of(apart, head[None])[0], LATENT, atol=1e-4)


def test_the_prior_is_that_of_the_heads() -> None:
    scenes = toy_scenes(18, 1)
    learned = toy_set(TOY, scenes).training_heads
    prior = prior_of(TOY, learned, scenes.template)
    assert len(learned.vertices) == 15
    assert prior.components.shape == (3, *scenes.template.mean.shape)
    heads = canonical_heads(learned, scenes.template).numpy()
    mean = to_canonical(prior.mean, scenes.template.nose_bridge)
    np.testing.assert_allclose(mean, heads.mean(axis=0), atol=1e-5)
    flat = (heads - mean).reshape(len(heads), -1) * 100.0
    basis = prior.components.reshape(3, -1).astype(np.float64)
    spread = (flat @ basis.T / (basis**2).sum(axis=1)).std(axis=0)
    np.testing.assert_allclose(spread, 1.0, rtol=1e-3)
    few = head_prior(np.zeros((4, 5, 3)), 3)
    assert len(few.components) == 0


def test_examples_have_the_true_places_of_their_anchors() -> None:
    """With its true maps a toy head is found to a fraction of what it differs from the mean."""
    scenes = toy_scenes(18, 1)
    config = TOY.model_copy(update={"image_px": 128})
    given = toy_set(config, scenes)
    examples = given.examples
    cut = face_cut(toy_template())
    anchors = cut.anchors(config.anchors)
    prior = prior_of(config, given.training_heads, scenes.template)
    heads = canonical_heads(scenes.heads, scenes.template).numpy()
    assert 3 <= int(examples.held_out.sum()) < len(examples) <= 18
    errors, usual, origin = [], [], scenes.template.nose_bridge
    for row in range(len(examples)):
        points = examples.anchors[row].numpy().astype(np.float64)
        projection = examples.projection[row].numpy().astype(np.float64)
        middle = float(points[:, 2].mean())
        reading = Reading(
            points - [0.0, 0.0, middle], projection, config.pixel_mm, middle, estimated=False
        )
        found = most_probable(
            prior, tiny_noise(len(anchors), 1.0, 3), [reading], cut.vertex[anchors], origin
        )
        true = heads[examples.head[row]] * 100.0 + origin
        errors.append(_distance(found, true))
        usual.append(_distance(scenes.template.mean, true))
    assert np.mean(errors) < 0.3 * np.mean(usual)


def _distance(found: np.ndarray, true: np.ndarray) -> float:
    """Mean distance but for a shift, as the views' placement may differ from the head's own."""
    off = found - true
    return float(np.linalg.norm(off - off.mean(axis=0), axis=1).mean())
