"""Random heads and expressions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import HeadwaterError
from headwater.heads import phenotypes
from headwater.heads.model import HeadModel, SurfacePoints
from headwater.heads.sampling import (
    LARGEST_DEVIATION,
    named_expression,
    random_person,
    sample_expression,
    sample_shape,
    truncated_normal,
)


def toy_model(prior: str, shapes: tuple[str, ...], expressions: tuple[str, ...]) -> HeadModel:
    rng = np.random.default_rng(0)
    faces = np.array([[0, 1, 2]], np.int32)
    return HeadModel(
        name="toy",
        licence="",
        fingerprint="",
        mean=rng.normal(size=(3, 3)).astype(np.float32),
        faces=faces,
        surface=np.zeros(1, np.uint8),
        shape_names=shapes,
        shape_basis=rng.normal(size=(len(shapes), 3, 3)).astype(np.float32),
        expression_names=expressions,
        expression_basis=rng.normal(size=(len(expressions), 3, 3)).astype(np.float32),
        landmarks_478=SurfacePoints(faces, np.full((1, 3), 1 / 3, np.float32)),
        prior=prior,
    )


@pytest.mark.parametrize("name", ["anny", "ict"])
def test_heads_are_varied_but_human(name: str, request: pytest.FixtureRequest):
    model: HeadModel = request.getfixturevalue(name)
    rng = np.random.default_rng(11)
    rest = np.zeros(len(model.expression_names), np.float32)
    shapes = [sample_shape(model, rng) for _ in range(40)]
    heads = np.stack([model.vertices(shape, rest) for shape in shapes])
    points = np.stack([model.landmarks_478.on(head) for head in heads])
    eyes = np.linalg.norm(points[:, 33] - points[:, 263], axis=1)
    assert 70 < eyes.min() < eyes.max() < 118
    assert eyes.std() > 2
    face = np.linalg.norm(points[:, 10] - points[:, 152], axis=1)
    assert 120 < face.min() < face.max() < 240
    spread = np.linalg.norm(points - points.mean(0), axis=2).mean()
    assert 2 < spread < 12, "mm between a face and the average one"


@pytest.mark.parametrize("name", ["anny", "ict"])
def test_same_seed_same_head(name: str, request: pytest.FixtureRequest):
    model: HeadModel = request.getfixturevalue(name)
    for draw in (sample_shape, sample_expression):
        first, again, other = (draw(model, np.random.default_rng(seed)) for seed in (5, 5, 6))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()
        assert first.dtype == np.float32


def test_opposite_changes_exclude_each_other_and_sides_agree(anny: HeadModel):
    plus = [i for i, name in enumerate(anny.shape_names) if name.startswith("local:")][::2]
    sides = {name: i for i, name in enumerate(anny.shape_names)}
    rng = np.random.default_rng(2)
    left, right = [], []
    for _ in range(30):
        shape = sample_shape(anny, rng)
        for i in plus:
            assert min(shape[i], shape[i + 1]) == 0 <= max(shape[i], shape[i + 1])
            name = anny.shape_names[i]
            if name.startswith("local:l-"):
                other = sides[name.replace("local:l-", "local:r-")]
                left.append((shape[i] - shape[i + 1]) / anny.shape_scale[i])
                right.append((shape[other] - shape[other + 1]) / anny.shape_scale[other])
    assert np.corrcoef(left, right)[0, 1] > 0.9
    assert np.max(np.abs(np.subtract(left, right))) > 0


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_people_and_their_weights_are_within_bounds(seed: int):
    person = random_person(np.random.default_rng(seed))
    for trait in phenotypes.ANCHORS:
        assert 0 <= getattr(person, trait) <= 1
    assert sum(person.ancestry) == pytest.approx(1)
    names = ("universal:male-old-maxmuscle-minweight", "race:asian-female-young", "local:x-up")
    weights = phenotypes.weights(names, person)
    assert weights[2] == 0
    assert ((weights >= 0) & (weights <= 1)).all()
    assert weights[1] == pytest.approx(person.ancestry[1] * person.gender * (1 - person.age))


@given(seed=st.integers(0, 2**32), count=st.integers(0, 400))
@settings(max_examples=30, deadline=None)
def test_normal_numbers_are_cut_not_piled_up(seed: int, count: int):
    drawn = truncated_normal(np.random.default_rng(seed), count)
    assert drawn.shape == (count,)
    assert (np.abs(drawn) <= LARGEST_DEVIATION).all()
    assert (np.abs(drawn) == LARGEST_DEVIATION).sum() == 0


def test_expressions_are_often_neutral_and_mostly_symmetric(anny: HeadModel):
    rng = np.random.default_rng(4)
    drawn = np.stack([sample_expression(anny, rng) for _ in range(400)])
    assert ((drawn >= 0) & (drawn <= 1)).all()
    neutral = (drawn < 0.1).all(1).mean()
    assert 0.33 < neutral < 0.47
    names = anny.expression_names
    smile = [names.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    strong = drawn[drawn[:, smile].max(1) > 0.3][:, smile]
    assert len(strong) > 20
    assert np.abs(strong[:, 0] - strong[:, 1]).max() < 0.4
    assert (drawn[:, names.index("jawOpen")] > 0.3).sum() > 20


def test_eyes_look_the_same_way(anny: HeadModel):
    rng = np.random.default_rng(9)
    names = anny.expression_names
    drawn = np.stack([sample_expression(anny, rng) for _ in range(300)])

    def amount(unit: str) -> np.ndarray:
        return drawn[:, names.index(unit)]

    looking = amount("eyeLookOutLeft") > 0.15
    assert looking.sum() > 5
    assert (amount("eyeLookInRight")[looking] > 0.1).all()
    assert (amount("eyeLookInLeft")[looking] < 0.1).all()


def test_named_expressions(anny: HeadModel):
    names = anny.expression_names
    assert named_expression(anny, "closed_eyes")[names.index("eyeBlinkLeft")] == 1
    assert named_expression(anny, "open_mouth")[names.index("jawOpen")] > 0.5
    frown = named_expression(anny, "frown")
    assert frown[names.index("browDownLeft")] == frown[names.index("browDownRight")] > 0.5
    with pytest.raises(HeadwaterError, match="closed_eyes"):
        named_expression(toy_model("gaussian", ("a",), ("jawOpen",)), "closed_eyes")


def test_gaussian_prior_uses_the_scale():
    model = toy_model("gaussian", tuple("abcd"), ("jawOpen",))
    drawn = np.stack([sample_shape(model, np.random.default_rng(i)) for i in range(300)])
    assert 0.85 < drawn.std() < 1.05
