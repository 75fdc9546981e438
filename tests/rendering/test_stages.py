"""Sheets, tubes, shells and everything that a person wears, as meshes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.faces import vocabulary as sets
from headwater.heads.model import Surface
from headwater.rendering.accessories import cap, cap_distance, glasses
from headwater.rendering.looks import Cap, Glasses, HairStyle, Person, sample_person
from headwater.rendering.painting import head_paint
from headwater.rendering.props import stage
from headwater.rendering.stages import Prop, Stage, joined, sheet, shell, tube
from tests.rendering.heads import ball_head

MODEL, PAINT = ball_head(), head_paint(ball_head())
LANDMARKS = MODEL.landmarks_478.on(MODEL.mean)
SIZES = st.integers(2, 9)


def plane(rows: int, columns: int) -> np.ndarray:
    """Points (rows, columns, 3) of the (x, y) plane, seen from +z: rows go down."""
    x, y = np.meshgrid(np.arange(columns, dtype=float), -np.arange(rows, dtype=float))
    return np.stack([x, y, np.zeros_like(x)], axis=-1)


def areas(piece: Stage) -> np.ndarray:
    corners = piece.vertices[piece.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.linalg.norm(across, axis=1) / 2


@given(SIZES, SIZES)
def test_a_sheet_covers_its_grid_once(rows: int, columns: int) -> None:
    inside = np.arange(rows * columns, dtype=float).reshape(rows, columns)
    piece = sheet(plane(rows, columns), Prop.CAP, inside)
    assert len(piece.faces) == 2 * (rows - 1) * (columns - 1)
    assert areas(piece).sum() == pytest.approx((rows - 1) * (columns - 1))
    np.testing.assert_allclose(piece.values[:, 3:6], np.tile((0, 0, 1), (rows * columns, 1)), 1e-6)
    np.testing.assert_array_equal(piece.values[:, 6], inside.ravel())
    assert set(piece.material) == {Prop.CAP}
    assert piece.values.shape == (rows * columns, 10)


@settings(max_examples=25)
@given(st.floats(0.3, 5.0), st.integers(3, 20), st.floats(20, 200))
def test_a_tube_is_everywhere_as_thick_as_it_should_be(
    radius: float, count: int, length: float
) -> None:
    path = np.linspace((0.0, 0, 0), (length, 0.3 * length, -0.2 * length), count)
    piece = tube(path, radius, Prop.FRAME)
    along = (path[-1] - path[0]) / np.linalg.norm(path[-1] - path[0])
    offset = piece.vertices - path[0]
    beside = offset - np.outer(offset @ along, along)
    np.testing.assert_allclose(np.linalg.norm(beside, axis=1), radius, rtol=1e-3, atol=1e-4)


def test_a_tube_closes_round_its_path() -> None:
    piece = tube(np.linspace((0.0, 0, 0), (10.0, 0, 0), 5), 2.0, Prop.FRAME)
    rings = piece.vertices.reshape(8, 5, 3)
    np.testing.assert_allclose(rings[0], rings[-1], atol=1e-5)
    assert areas(piece).sum() == pytest.approx(10 * 2 * 2.0 * 7 * np.sin(np.pi / 7), rel=1e-3)


def bald_head(seed: int = 0, **changes: object) -> tuple[Person, Stage]:
    plain = {"glasses": None, "cap": None, "hair_style": HairStyle.BALD}
    person = replace(sample_person(np.random.default_rng(seed)), **{**plain, **changes})
    return person, stage(MODEL, PAINT, MODEL.mean, person)


@pytest.mark.parametrize("lift", [0.0, 3.0, 12.0])
def test_a_shell_stands_off_its_base_by_the_lift(lift: float) -> None:
    _, whole = bald_head()
    base = Stage(MODEL.mean, MODEL.faces, MODEL.surface, whole.values[: len(MODEL.mean)])
    keep = (MODEL.mean[MODEL.faces][:, :, 1] > 20).all(axis=1) & (MODEL.surface == Surface.SKIN)
    lifts = np.full(len(MODEL.mean), lift, np.float32)
    piece = shell(base, keep, lifts, np.zeros(len(MODEL.mean), np.float32), Prop.HAIR)
    assert len(piece.faces) == keep.sum()
    np.testing.assert_allclose(np.linalg.norm(piece.vertices, axis=1), 100 + lift, rtol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(piece.values[:, :3], axis=1), 100, rtol=2e-3)


@given(st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=4))
def test_joined_pieces_keep_their_triangles(sizes: list[tuple[int, int]]) -> None:
    pieces = [
        sheet(plane(*size) + 100.0 * number, list(Prop)[number], np.zeros(size))
        for number, size in enumerate(sizes)
    ]
    whole = joined(pieces)
    first = 0
    for piece in pieces:
        own = slice(first, first + len(piece.faces))
        np.testing.assert_array_equal(whole.vertices[whole.faces[own]], piece.vertices[piece.faces])
        np.testing.assert_array_equal(whole.material[own], piece.material)
        first += len(piece.faces)
    assert first == len(whole.faces)
    assert len(whole.values) == len(whole.vertices)


def test_a_bald_person_is_the_head_and_a_garment() -> None:
    _, whole = bald_head()
    assert set(whole.material) == {Surface.SKIN, Surface.EYEBALL, Prop.GARMENT}
    np.testing.assert_array_equal(whole.vertices[: len(MODEL.mean)], MODEL.mean)
    np.testing.assert_array_equal(whole.values[: len(MODEL.mean), :3], MODEL.mean)


@pytest.mark.parametrize("style", [HairStyle.SHORT, HairStyle.FULL, HairStyle.LONG])
def test_hair_stands_outside_the_skull(style: HairStyle) -> None:
    _, whole = bald_head(2, hair_style=style, hair_volume_mm=15.0)
    hair = np.unique(whole.faces[whole.material == Prop.HAIR])
    assert len(hair) > 200
    reach = np.linalg.norm(whole.vertices[hair], axis=1)
    # Long hair comes out of the skull in a few places.
    assert np.percentile(reach, 3 if style is HairStyle.LONG else 0) > 99.0
    assert reach.max() > 105


def test_more_volume_is_more_hair() -> None:
    reaches = []
    for volume in (4.0, 12.0, 30.0):
        _, whole = bald_head(3, hair_style=HairStyle.FULL, hair_volume_mm=volume)
        hair = np.unique(whole.faces[whole.material == Prop.HAIR])
        reaches.append(float(np.linalg.norm(whole.vertices[hair], axis=1).mean()))
    assert reaches == sorted(reaches)
    assert reaches[2] > reaches[0] + 5


def test_long_hair_falls_below_short_hair() -> None:
    lows = {}
    for style in (HairStyle.SHORT, HairStyle.LONG):
        _, whole = bald_head(4, hair_style=style)
        hair = np.unique(whole.faces[whole.material == Prop.HAIR])
        lows[style] = float(whole.vertices[hair, 1].min())
    assert lows[HairStyle.LONG] < lows[HairStyle.SHORT]
    assert lows[HairStyle.LONG] < -50


def test_a_garment_hangs_below_the_chin() -> None:
    _, whole = bald_head()
    cloth = np.unique(whole.faces[whole.material == Prop.GARMENT])
    assert whole.vertices[cloth, 1].max() < LANDMARKS[sets.CHIN, 1]
    np.testing.assert_allclose(
        np.sort(whole.vertices[cloth, 0]), np.sort(-whole.vertices[cloth, 0]), atol=1e-2
    )


@settings(max_examples=20, deadline=None)
@given(st.floats(21, 27), st.floats(14, 23), st.floats(2, 4), st.floats(0.6, 2.2))
def test_glasses_sit_in_front_of_both_eyes(
    width: float, height: float, squareness: float, rim: float
) -> None:
    wear = Glasses(width, height, squareness, rim, (0.1, 0.1, 0.1))
    pieces = glasses(MODEL.mean, LANDMARKS, wear)
    assert len(pieces) == 5
    left, right = pieces[0].vertices, pieces[2].vertices
    for lens, loop in ((left, sets.LEFT_EYE), (right, sets.RIGHT_EYE)):
        eye = LANDMARKS[list(loop)].mean(axis=0)
        assert np.ptp(lens[:, 0]) == pytest.approx(2 * (width + rim), abs=1.5 * rim)
        assert np.ptp(lens[:, 1]) == pytest.approx(2 * (height + rim), abs=1.5 * rim)
        assert abs(lens[:, :2].mean(axis=0) - eye[:2]).max() < 6
        assert lens[:, 2].mean() > eye[2] + 5
    assert left[:, 0].mean() > 0 > right[:, 0].mean()


def test_a_wider_rim_is_thicker_and_nothing_else() -> None:
    thin, thick = (
        glasses(MODEL.mean, LANDMARKS, Glasses(24, 18, 2, rim, (0, 0, 0)))[0] for rim in (0.7, 2.0)
    )
    assert areas(thick).sum() > 2 * areas(thin).sum()
    np.testing.assert_allclose(thin.vertices.mean(axis=0), thick.vertices.mean(axis=0), atol=1.0)


def test_a_cap_covers_the_top_of_the_skull() -> None:
    _, whole = bald_head()
    base = Stage(MODEL.mean, MODEL.faces, MODEL.surface, whole.values[: len(MODEL.mean)])
    bare = cap(base, LANDMARKS, Cap(5.0, 0.0, (0, 0, 1)))
    with_visor = cap(base, LANDMARKS, Cap(5.0, 50.0, (0, 0, 1)))
    assert (len(bare), len(with_visor)) == (1, 2)
    np.testing.assert_array_equal(bare[0].vertices, with_visor[0].vertices)
    assert np.linalg.norm(bare[0].vertices, axis=1).min() > 105
    assert bare[0].vertices[:, 1].max() > 105
    assert with_visor[1].vertices[:, 2].max() > LANDMARKS[sets.FOREHEAD, 2] + 20


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(-80, 80), st.floats(0.1, 40))
def test_height_above_a_caps_edge_grows_upwards(x: float, y: float, z: float, up: float) -> None:
    points = np.array([(x, y, z), (x, y + up, z)], np.float32)
    low, high = cap_distance(points, LANDMARKS)
    assert high - low == pytest.approx(up, abs=1e-3)


def test_a_cap_presses_the_hair_down() -> None:
    wear = Cap(5.0, 0.0, (0, 0, 1))
    tops = {}
    for worn in (None, wear):
        _, whole = bald_head(5, hair_style=HairStyle.FULL, hair_volume_mm=30.0, cap=worn)
        hair = np.unique(whole.faces[whole.material == Prop.HAIR])
        tops[worn is not None] = float(whole.vertices[hair, 1].max())
    assert tops[True] < 107 < tops[False]


@pytest.mark.parametrize("seed", range(4))
def test_a_stage_is_a_sound_mesh_with_finite_values(seed: int) -> None:
    person = sample_person(np.random.default_rng(seed))
    whole = stage(MODEL, PAINT, MODEL.mean, replace(person, cap=Cap(9.0, 30.0, (0, 0, 0))))
    again = stage(MODEL, PAINT, MODEL.mean, replace(person, cap=Cap(9.0, 30.0, (0, 0, 0))))
    assert whole.faces.min() == 0
    assert whole.faces.max() == len(whole.vertices) - 1
    assert len(whole.material) == len(whole.faces)
    assert np.isfinite(whole.vertices).all()
    assert np.isfinite(whole.values).all()
    for name in ("vertices", "faces", "material", "values"):
        assert getattr(whole, name).tobytes() == getattr(again, name).tobytes()
