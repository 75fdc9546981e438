"""Light on samples: against slow sums, with shadows, and at the exposure of the scene."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.geometry.rays import RayMesh
from headwater.rendering.lighting import ambient, lit
from headwater.rendering.looks import Light, Scene, sample_scene
from headwater.rendering.surfaces import Finish

UP, FRONT = (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
WHITE = (1.0, 1.0, 1.0)
DARK = ((0.0, 0.0, 0.0),) * 9
EVEN = ((0.5, 0.5, 0.5), *DARK[1:])


def cloth(count: int, albedo: float = 0.5) -> Finish:
    """A finish without gloss that lets no light through: it is no skin and sets no exposure."""
    nothing = np.zeros(count, np.float32)
    return Finish(
        np.full((count, 3), albedo, np.float32),
        nothing,
        np.full(count, 12.0, np.float32),
        nothing,
        nothing,
        np.zeros(0, np.intp),
        np.zeros((0, 3), np.float32),
        nothing,
    )


def scene(**changes: object) -> Scene:
    plain = {"ambient": DARK, "lights": (), "exposure": 1.0}
    return replace(sample_scene(np.random.default_rng(0)), **{**plain, **changes})


def light_on(
    one: Scene, surface: Finish, normals: np.ndarray, mesh: RayMesh | None = None
) -> np.ndarray:
    """Light (n, 3) of samples at the origin that the camera sees along their normals."""
    count = len(normals)
    unit = np.asarray(normals, np.float32)
    position = np.zeros((count, 3), np.float32)
    return lit(one, surface, mesh or far_away(), position, unit, unit, np.ones(count, np.float32))


def far_away() -> RayMesh:
    corners = np.array([(0, 0, -9e5), (1, 0, -9e5), (0, 1, -9e5)], np.float32)
    return RayMesh(corners, np.array([[0, 1, 2]], np.int32))


def wall(z: float) -> RayMesh:
    """A large square across the z axis."""
    corners = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], np.float32) * 4000
    corners[:, 2] = z
    return RayMesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))


def directions(count: int) -> np.ndarray:
    vectors = np.random.default_rng(3).normal(size=(count, 3))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 2**31))
def test_ambient_light_equals_the_sum_over_its_harmonics(seed: int) -> None:
    one = sample_scene(np.random.default_rng(seed))
    normals = directions(20)
    for normal, value in zip(normals, ambient(one, normals), strict=True):
        x, y, z = (float(part) for part in normal)
        basis = (1, x, y, z, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y)
        summed = sum(weight * np.array(row) for weight, row in zip(basis, one.ambient, strict=True))
        np.testing.assert_allclose(value, np.maximum(summed, 0.02), rtol=1e-4, atol=1e-5)


def test_even_ambient_light_is_the_same_from_all_sides() -> None:
    light = light_on(scene(ambient=EVEN), cloth(30), directions(30))
    np.testing.assert_allclose(light, 0.5 * 0.5, rtol=1e-5)


def test_a_lamp_lights_by_the_cosine_of_its_angle() -> None:
    lamp = Light(FRONT, WHITE, 0.0)
    angles = np.deg2rad([0, 30, 60])
    normals = np.stack([np.sin(angles), np.zeros(3), np.cos(angles)], axis=1)
    dark = light_on(scene(), cloth(3), normals)
    light = light_on(scene(lights=(lamp,)), cloth(3), normals) - dark
    np.testing.assert_allclose(light[:, 0], 0.5 * np.cos(angles), rtol=1e-4)


def test_a_lamp_behind_the_surface_does_not_light_it() -> None:
    lamp = Light(FRONT, WHITE, 0.0)
    normals = np.array([(0, 0, -1), (0.1, 0, -1), (1, 0, 0)], float)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    np.testing.assert_array_equal(
        light_on(scene(lights=(lamp,)), cloth(3), normals), light_on(scene(), cloth(3), normals)
    )


def test_only_the_first_lamp_casts_shadows() -> None:
    lamp = Light(FRONT, WHITE, 0.0)
    aside = Light(UP, (0.0, 0.0, 0.0), 0.0)
    normals = np.array([FRONT])
    dark = light_on(scene(), cloth(1), normals)
    shadowed = light_on(scene(lights=(lamp,)), cloth(1), normals, wall(500.0))
    np.testing.assert_allclose(shadowed, dark, atol=1e-6)
    behind = light_on(scene(lights=(lamp,)), cloth(1), normals, wall(-500.0))
    assert behind.min() > 0.4
    filling = light_on(scene(lights=(aside, lamp)), cloth(1), normals, wall(500.0))
    assert filling.min() > 0.4


def test_a_large_lamp_has_a_soft_shadow_edge() -> None:
    half = np.array([(0, -4000, 500), (4000, -4000, 500), (4000, 4000, 500), (0, 4000, 500)])
    mesh = RayMesh(half.astype(np.float32), np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    count = 400
    shares = {}
    for radius in (0.001, 0.35):
        one = scene(lights=(Light(FRONT, WHITE, radius),))
        light = light_on(one, cloth(count), np.tile(FRONT, (count, 1)), mesh)[:, 0]
        shares[radius] = float((light > 0.3).mean())
    assert 0.35 < shares[0.35] < 0.65
    at_the_edge = scene(lights=(Light(FRONT, WHITE, 0.35),))
    again = light_on(at_the_edge, cloth(count), np.tile(FRONT, (count, 1)), mesh)
    np.testing.assert_array_equal(
        again, light_on(at_the_edge, cloth(count), np.tile(FRONT, (count, 1)), mesh)
    )


@given(st.floats(0.1, 3.0))
def test_without_skin_light_is_proportional_to_the_exposure(exposure: float) -> None:
    lamp = Light(FRONT, (0.7, 0.6, 0.5), 0.1)
    normals = directions(12)
    one = scene(lights=(lamp,), ambient=EVEN)
    base = light_on(one, cloth(12), normals)
    scaled = light_on(replace(one, exposure=exposure), cloth(12), normals)
    np.testing.assert_allclose(scaled, exposure * base, rtol=1e-4)


def skin(count: int, colour: tuple[float, float, float]) -> Finish:
    plain = cloth(count)
    return plain._replace(
        albedo=np.tile(np.float32(colour), (count, 1)),
        translucent=np.ones(count, np.float32),
    )


def test_skin_of_middle_brightness_is_lit_to_the_exposure() -> None:
    """Mean incident light on the skin is the scene's exposure, whatever the lamps' power."""
    normals = np.tile(FRONT, (50, 1))
    middle = (0.20, 0.20, 0.20)
    for power in (0.1, 1.0, 10.0):
        lamp = Light(FRONT, (power, power, power), 0.0)
        light = light_on(scene(lights=(lamp,), exposure=0.8), skin(50, middle), normals)
        np.testing.assert_allclose(light.mean(), 0.8 * 0.20, rtol=1e-3)


def test_dark_skin_is_exposed_longer_but_stays_darker() -> None:
    normals = np.tile(FRONT, (20, 1))
    one = scene(lights=(Light(FRONT, WHITE, 0.0),))
    dark, light = (
        light_on(one, skin(20, (tone, tone, tone)), normals).mean() for tone in (0.05, 0.5)
    )
    assert dark < light < 10 * dark


def test_most_of_a_coloured_lamps_cast_is_removed_from_skin() -> None:
    normals = np.tile(FRONT, (20, 1))
    one = scene(lights=(Light(FRONT, (1.5, 1.0, 0.5), 0.0),))
    red, _, blue = light_on(one, skin(20, (0.2, 0.2, 0.2)), normals).mean(axis=0)
    assert 1.0 < red / blue < 3.0**0.5


def test_gloss_adds_light_and_only_towards_the_mirror_direction() -> None:
    lamp = Light(FRONT, WHITE, 0.0)
    turned = np.deg2rad([0.0, 30.0, 60.0])
    normals = np.stack([np.sin(turned), np.zeros(3), np.cos(turned)], axis=1)
    glossy = cloth(3)._replace(
        gloss=np.full(3, 0.05, np.float32), sharpness=np.full(3, 60.0, np.float32)
    )
    one = scene(lights=(lamp,))
    extra = (light_on(one, glossy, normals) - light_on(one, cloth(3), normals))[:, 0]
    assert extra[0] > 7 * extra[1] > 0
    assert extra[2] < extra[1]


def test_light_is_the_same_every_time_and_finite() -> None:
    one = sample_scene(np.random.default_rng(7))
    normals = directions(200)
    first, again = (light_on(one, skin(200, (0.5, 0.3, 0.2)), normals) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert np.isfinite(first).all()
    assert (first >= 0).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_an_occluded_sky_dims_the_ambient_light(share: float) -> None:
    normals = np.float32(directions(10))
    sky = np.full(10, share, np.float32)
    position = np.zeros((10, 3), np.float32)
    light = lit(scene(ambient=EVEN), cloth(10), far_away(), position, normals, normals, sky)
    np.testing.assert_allclose(light, 0.5 * 0.5 * share, rtol=1e-5)
