"""Head models as surfaces: linear, fingerprinted, with landmarks, borders and paint."""

from collections import Counter
from dataclasses import fields, replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import HeadwaterError
from headwater.heads import phenotypes, store
from headwater.heads.landmark_files import from_json, to_json
from headwater.heads.loops import border_loops, inner_edge
from headwater.heads.model import (
    HeadModel,
    Surface,
    SurfacePoints,
    check_head_model,
    fingerprint,
)
from headwater.heads.painting import COLOURS, IRIS, LIP, MOST_FACES, PUPIL, Painter
from headwater.heads.phenotypes import Phenotype, weights
from headwater.heads.sampling import (
    NAMED,
    NEUTRAL_SHARE,
    named_expression,
    random_person,
    sample_expression,
    sample_shape,
)
from headwater.heads.snapping import snap
from tests.rendering.heads import ball_head

BALL = trimesh.creation.icosphere(subdivisions=2, radius=90.0)
SEEDS = st.integers(0, 2**32 - 1)
SHARE = st.floats(0, 1)


def model(shapes: int = 3, expressions: int = 2) -> HeadModel:
    """A ball with random bases, whole in itself."""
    rng = np.random.default_rng(shapes)
    vertices = BALL.vertices.astype(np.float32)
    faces = BALL.faces.astype(np.int32)
    corners = faces[rng.integers(0, len(faces), 478)]
    shares = rng.dirichlet((1, 1, 1), 478).astype(np.float32)
    return HeadModel(
        name="toy",
        licence="none",
        fingerprint="",
        mean=vertices,
        faces=faces,
        surface=np.zeros(len(faces), np.uint8),
        shape_names=tuple(f"shape {i}" for i in range(shapes)),
        shape_basis=rng.normal(size=(shapes, *vertices.shape)).astype(np.float32),
        expression_names=("jawOpen", "eyeBlinkLeft", "eyeBlinkRight")[:expressions],
        expression_basis=rng.normal(size=(expressions, *vertices.shape)).astype(np.float32),
        landmarks_478=SurfacePoints(corners, shares),
    )


# Linear combinations.


@given(st.lists(st.floats(-3, 3), min_size=5, max_size=5))
def test_vertices_are_the_mean_and_a_sum_over_the_bases(numbers: list[float]) -> None:
    one = model()
    shape, expression = np.float32(numbers[:3]), np.float32(numbers[3:])
    slow = one.mean.astype(np.float64)
    for amount, basis in zip(shape, one.shape_basis, strict=True):
        slow = slow + float(amount) * basis
    for amount, basis in zip(expression, one.expression_basis, strict=True):
        slow = slow + float(amount) * basis
    np.testing.assert_allclose(one.vertices(shape, expression), slow, atol=1e-4)


def test_no_change_is_the_mean_itself() -> None:
    one = model()
    vertices = one.vertices(np.zeros(3, np.float32), np.zeros(2, np.float32))
    np.testing.assert_array_equal(vertices, one.mean)
    assert vertices.dtype == np.float32


@settings(max_examples=20)
@given(SEEDS)
def test_surface_points_move_with_their_triangles(seed: int) -> None:
    one = model()
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    moved = (one.mean @ turn.T + rng.normal(size=3)).astype(np.float32)
    points = one.landmarks_478
    slow = [
        sum(float(w) * moved[corner].astype(np.float64) for w, corner in zip(ws, tri, strict=True))
        for ws, tri in zip(points.weights, points.triangles, strict=True)
    ]
    np.testing.assert_allclose(points.on(moved), slow, atol=1e-3)


# Fingerprints and checks.


ARRAYS = ("mean", "shape_basis", "expression_basis", "faces", "surface")


@pytest.mark.parametrize("name", ARRAYS)
def test_a_fingerprint_changes_with_a_single_number(name: str) -> None:
    one = model()
    changed = getattr(one, name).copy()
    changed.flat[-1] += 1
    assert fingerprint(replace(one, **{name: changed})) != fingerprint(one)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shape_names", ("shape 0", "shape 1", "other")),
        ("expression_names", ("jawOpen", "frown")),
        ("prior", "phenotypes"),
        ("shape_scale", np.ones(3, np.float32)),
    ],
)
def test_a_fingerprint_changes_with_names_prior_and_scale(name: str, value: Any) -> None:
    one = model()
    assert fingerprint(replace(one, **{name: value})) != fingerprint(one)


def test_a_fingerprint_does_not_depend_on_the_name_or_on_memory_order() -> None:
    one = model()
    turned = replace(one, name="other", licence="other", mean=np.asfortranarray(one.mean))
    assert fingerprint(turned) == fingerprint(one)


def test_a_sound_model_passes_the_checks() -> None:
    check_head_model(model(), "toy")
    check_head_model(model(0, 0), "toy")
    check_head_model(ball_head(), "ball")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: {"surface": one.surface[:-1]}, "surface"),
        (lambda one: {"surface": one.surface + np.uint8(9)}, "surface 9"),
        (lambda one: {"shape_basis": one.shape_basis[:2]}, "shape_basis"),
        (lambda one: {"expression_basis": one.expression_basis.astype(np.float64)}, "float64"),
        (lambda one: {"shape_basis": one.shape_basis * np.float32(np.inf)}, "not finite"),
        (lambda one: {"faces": one.faces[:, ::-1].copy()}, "toy"),
        (lambda one: {"faces": one.faces + np.int32(1)}, "toy"),
        (lambda one: {"mean": one.mean * np.float32(np.nan)}, "toy"),
    ],
)
def test_what_does_not_fit_is_named(change: Any, words: str) -> None:
    one = model()
    with pytest.raises(HeadwaterError, match=words) as caught:
        check_head_model(replace(one, **change(one)), "toy")
    assert str(caught.value).startswith("toy")
    assert "\n" not in str(caught.value)


# Files.


@given(SEEDS)
def test_landmarks_come_back_from_their_file_to_within_rounding(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = SurfacePoints(
        rng.integers(0, 5000, (20, 3)).astype(np.int32),
        rng.dirichlet((0.5, 0.5, 0.5), 20).astype(np.float32),
    )
    again = from_json(to_json(points))
    np.testing.assert_array_equal(again.triangles, points.triangles)
    np.testing.assert_allclose(again.weights, points.weights, atol=2e-4)
    np.testing.assert_allclose(again.weights.sum(axis=1), 1.0, atol=1e-6)
    assert to_json(again) == to_json(from_json(to_json(again)))


def test_a_stored_model_comes_back_and_equal_models_give_equal_bytes(tmp_path: Path) -> None:
    one = model()
    for name in ("a", "b"):
        store.write(tmp_path / name, one)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = store.read(tmp_path / "a")
    for field in fields(HeadModel):
        if field.name not in ("landmarks_478", "fingerprint"):
            np.testing.assert_array_equal(getattr(again, field.name), getattr(one, field.name))
    assert len(again.landmarks_478.triangles) == 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_store_is_refused_or_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("store") / "model.safetensors"
    store.write(path, model(1, 1))
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(whole))
    try:
        again = store.read(path)
    except HeadwaterError as error:
        message = str(error)
    else:
        np.testing.assert_array_equal(again.mean, model(1, 1).mean)
        message = str(path)
    assert message.startswith(str(path))


# Borders.


def slow_border(faces: np.ndarray) -> Counter[tuple[int, int]]:
    """Directed edges without their opposite."""
    edges = [(int(f[i]), int(f[(i + 1) % 3])) for f in faces for i in range(3)]
    present = set(edges)
    return Counter(edge for edge in edges if edge[::-1] not in present)


@settings(max_examples=30)
@given(st.sets(st.integers(0, len(BALL.faces) - 1), min_size=1, max_size=60))
def test_loops_pass_every_border_edge_once(removed: set[int]) -> None:
    faces = np.delete(BALL.faces, sorted(removed), axis=0).astype(np.int32)
    loops = border_loops(faces)
    passed = Counter(edge for loop in loops for edge in pairwise([*loop.tolist(), int(loop[0])]))
    assert passed == slow_border(faces)
    for loop in loops:
        assert len(set(loop.tolist())) == len(loop)
    assert [len(loop) for loop in loops] == sorted((len(loop) for loop in loops), reverse=True)


def test_a_ring_has_two_borders() -> None:
    tube = trimesh.creation.annulus(r_min=40, r_max=60, height=30, sections=24)
    side = np.abs(tube.face_normals[:, 2]) < 0.5
    outer = np.linalg.norm(tube.triangles_center[:, :2], axis=1) > 50
    loops = border_loops(tube.faces[side & outer].astype(np.int32))
    assert len(loops) == 2
    assert {len(loop) for loop in loops} == {24}


@given(st.integers(3, 20), st.floats(0.3, 3), st.integers(0, 19), st.booleans())
def test_a_loop_splits_into_its_upper_and_lower_arc(
    count: int, height: float, start: int, turned: bool
) -> None:
    angle = np.linspace(0, 2 * np.pi, 2 * count, endpoint=False) + 0.01
    vertices = np.stack([np.cos(angle), height * np.sin(angle), 0 * angle], axis=1)
    loop = np.roll(np.arange(2 * count), start % (2 * count))
    upper, lower = inner_edge(
        (loop[::-1] if turned else loop).astype(np.int32), vertices.astype(np.float32)
    )
    assert upper[0] == lower[0] == vertices[:, 0].argmin()
    assert upper[-1] == lower[-1] == vertices[:, 0].argmax()
    assert (np.diff(vertices[upper, 0]) > 0).all()
    assert (np.diff(vertices[lower, 0]) > 0).all()
    assert vertices[upper, 1].mean() > vertices[lower, 1].mean()
    assert sorted({*upper.tolist(), *lower.tolist()}) == list(range(2 * count))


# Closest points.


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_snapped_points_are_the_closest_ones_of_their_surface(seed: int) -> None:
    one = ball_head()
    rng = np.random.default_rng(seed)
    positions = rng.normal(size=(6, 3))
    positions *= rng.uniform(85, 120, (6, 1)) / np.linalg.norm(positions, axis=1, keepdims=True)
    points = snap(positions, one, Surface.SKIN)
    assert (points.weights >= 0).all()
    np.testing.assert_allclose(points.weights.sum(axis=1), 1.0, atol=1e-6)
    skin = np.asarray(one.mean)[one.faces[one.surface == Surface.SKIN]].astype(np.float64)
    for position, snapped in zip(positions, points.on(np.asarray(one.mean)), strict=True):
        repeated = np.repeat(position[None], len(skin), axis=0)
        slow = np.linalg.norm(trimesh.triangles.closest_point(skin, repeated) - position, axis=1)
        assert np.linalg.norm(snapped - position) == pytest.approx(slow.min(), abs=1e-3)


def test_points_on_a_surface_stay_where_they_are() -> None:
    one = ball_head()
    corners = one.faces[one.surface == Surface.EYEBALL][::7]
    middle = np.asarray(one.mean)[corners].mean(axis=1).astype(np.float64)
    points = snap(middle, one, Surface.EYEBALL)
    np.testing.assert_allclose(points.on(np.asarray(one.mean)), middle, atol=1e-3)


# Phenotypes.


PERSONS = st.builds(
    lambda traits, shares: Phenotype(*traits, tuple(np.array(shares) / sum(shares))),
    st.tuples(*[SHARE] * 6),
    st.tuples(*[st.floats(0.01, 1)] * 3),
)


def names_of(block: str, traits: tuple[str, ...]) -> tuple[str, ...]:
    every = product(*(phenotypes.ANCHORS[trait] for trait in traits))
    return tuple(f"{block}:{'-'.join(parts)}" for parts in every)


@given(PERSONS)
def test_weights_of_all_combinations_sum_to_one(person: Phenotype) -> None:
    for block, traits in {
        "universal": ("gender", "age", "muscle", "weight"),
        "height": ("gender", "age", "muscle", "weight", "height"),
        "proportions": ("proportions", "weight"),
    }.items():
        assert weights(names_of(block, traits), person).sum() == pytest.approx(1.0)
    races = tuple(
        f"race:{race}-{gender}-{age}"
        for race in phenotypes.RACES
        for gender in phenotypes.ANCHORS["gender"]
        for age in phenotypes.ANCHORS["age"]
    )
    assert weights(races, person).sum() == pytest.approx(1.0)


def test_at_an_anchor_one_combination_has_it_all() -> None:
    person = Phenotype(1.0, 0.0, 0.5, 1.0, 0.0, 0.0, (0.0, 1.0, 0.0))
    names = names_of("universal", ("gender", "age", "muscle", "weight"))
    found = dict(zip(names, weights(names, person), strict=True))
    assert found.pop("universal:male-old-averagemuscle-maxweight") == 1.0
    assert set(found.values()) == {0.0}


def test_shapes_of_other_kinds_have_no_weight() -> None:
    assert weights(("local:nose-up", "nose", "expression:smile"), phenotypes.MEAN).tolist() == [
        0.0,
        0.0,
        0.0,
    ]


def test_people_are_of_all_ages_and_ancestries() -> None:
    people = [random_person(np.random.default_rng(seed)) for seed in range(400)]
    ages = np.array([person.age for person in people])
    assert ages.min() == 0.0
    assert 0.75 < ages.max() <= (80 - 25) / (90 - 25) + 1e-9
    genders = np.array([person.gender for person in people])
    assert 0.4 < (genders > 0.5).mean() < 0.6
    ancestry = np.array([person.ancestry for person in people])
    np.testing.assert_allclose(ancestry.mean(axis=0), 1 / 3, atol=0.06)
    assert (ancestry.max(axis=1) < 0.6).mean() > 0.1


# Expressions.


SIDES = ("Left", "Right")
UNITS = (
    *("jawOpen", "browInnerUp", "mouthPucker", "mouthFunnel", "cheekPuff"),
    *(f"{unit}{side}" for unit in ("eyeBlink", "mouthSmile", "browDown") for side in SIDES),
    *(f"eyeLook{way}{side}" for way in ("In", "Out", "Up", "Down") for side in SIDES),
)


def expressive() -> HeadModel:
    basis = np.zeros((len(UNITS), len(BALL.vertices), 3), np.float32)
    return replace(model(), expression_names=UNITS, expression_basis=basis)


@given(SEEDS)
def test_expressions_are_strengths_that_follow_from_the_seed(seed: int) -> None:
    one = expressive()
    first, again = (sample_expression(one, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (len(UNITS),)
    assert (first >= 0).all()
    assert (first <= 1).all()


def test_eyes_never_look_two_ways_at_once() -> None:
    one = expressive()
    at = {name: number for number, name in enumerate(UNITS)}
    turned = 0
    for seed in range(400):
        drawn = sample_expression(one, np.random.default_rng(seed))
        left, right = drawn[at["eyeLookOutLeft"]], drawn[at["eyeLookInLeft"]]
        assert min(left, right) < 0.1
        assert abs(left - drawn[at["eyeLookInRight"]]) < 0.3
        turned += max(left, right) > 0.1
    assert turned > 10


def test_nearly_the_declared_share_is_neutral() -> None:
    one = expressive()
    drawn = [sample_expression(one, np.random.default_rng(seed)) for seed in range(600)]
    known = {unit for combination in NAMED.values() for unit in combination}
    assert known
    assert np.mean([one.max() < 0.08 for one in drawn]) > NEUTRAL_SHARE - 0.05


@pytest.mark.parametrize("name", list(NAMED))
def test_a_named_expression_is_the_same_on_both_sides_and_every_time(name: Any) -> None:
    one = expressive()
    first = named_expression(one, name)
    np.testing.assert_array_equal(first, named_expression(one, name))
    for number, unit in enumerate(UNITS):
        if unit.endswith("Left") and not unit.startswith("eyeLook"):
            assert first[number] == first[UNITS.index(unit.replace("Left", "Right"))]
        plain = unit.removesuffix("Left").removesuffix("Right")
        assert first[number] == np.float32(NAMED[name].get(plain, 0.0))


@given(SEEDS)
def test_a_gaussian_shape_is_scaled_one_by_one(seed: int) -> None:
    plain = model(4)
    scale = np.array([0.5, 1.0, 2.0, 10.0], np.float32)
    scaled = replace(plain, shape_scale=scale)
    first, second = (sample_shape(one, np.random.default_rng(seed)) for one in (plain, scaled))
    np.testing.assert_allclose(second, first * scale, rtol=1e-6)


# Paint for calibration.


def test_a_dense_head_has_four_triangles_for_one_and_the_same_surface() -> None:
    one = ball_head()
    painter = Painter(one, one.landmarks_478)
    rounds = int(np.log(len(painter.faces) / len(one.faces)) / np.log(4) + 0.5)
    assert len(painter.faces) == 4**rounds * len(one.faces) <= MOST_FACES < 4 * len(painter.faces)
    before = trimesh.Trimesh(one.mean, one.faces, process=False)
    after = trimesh.Trimesh(painter.mean, painter.faces, process=False)
    assert after.area == pytest.approx(before.area, rel=1e-4)
    assert after.volume == pytest.approx(before.volume, rel=1e-4)
    np.testing.assert_array_equal(painter.mean[: len(one.mean)], one.mean)


def test_a_dense_head_follows_its_vertices() -> None:
    one = ball_head()
    painter = Painter(one, None)
    grown = np.asarray(one.mean) * np.float32(1.5)
    np.testing.assert_allclose(painter.dense(grown), painter.mean * 1.5, rtol=1e-5, atol=1e-3)
    normals = painter.normals(painter.mean)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-4)
    skull = np.setdiff1d(painter.skin, painter.eyeballs)
    outward = painter.mean[skull] / np.linalg.norm(painter.mean[skull], axis=1, keepdims=True)
    assert np.einsum("vc,vc->v", normals[skull], outward).min() > 0.95


def test_irises_pupils_and_lips_have_their_colours() -> None:
    one = ball_head()
    plain, painted = Painter(one, None), Painter(one, one.landmarks_478)
    for colour in (IRIS, PUPIL, COLOURS[Surface.EYEBALL]):
        assert (plain.colours[plain.eyeballs] == np.float32(colour)).all(axis=1).any()
    lips = (painted.colours == np.float32(LIP)).all(axis=1)
    assert lips.any()
    assert not (plain.colours == np.float32(LIP)).all(axis=1).any()
    assert (np.abs(painted.mean[lips, 1] + 38) < 16).all()
    assert (painted.mean[lips, 2] > 0).all()
    unpainted = ~(painted.colours != plain.colours).any(axis=1)
    assert unpainted.mean() > 0.9
