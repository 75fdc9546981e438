"""Promises of every head model: units, frame, labels, landmarks, determinism."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headwater.errors import HeadwaterError
from headwater.faces import vocabulary as sets
from headwater.heads import load_head_model
from headwater.heads.landmark_files import from_json, to_json
from headwater.heads.model import HeadModel, Surface, fingerprint


@pytest.fixture(params=["anny", "ict"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    return request.getfixturevalue(request.param)


def test_units_and_frame(model: HeadModel):
    points = model.landmarks_478.on(model.mean)
    width = points[263, 0] - points[33, 0]
    assert 80 < width < 105, "outer eye corners in mm, the left one at larger x"
    assert points[4, 2] > 80, "the tip of the nose is far before the ears"
    assert points[10, 1] > points[152, 1] + 100, "forehead above chin"
    assert abs(model.mean[:, 0].min() + model.mean[:, 0].max()) < 0.5
    assert 200 < np.ptp(model.mean[:, 1]) < 400


def test_arrays_fit_together(model: HeadModel):
    V, F = len(model.mean), len(model.faces)
    assert model.shape_basis.shape == (len(model.shape_names), V, 3)
    assert model.expression_basis.shape == (len(model.expression_names), V, 3)
    assert model.surface.shape == (F,)
    assert set(np.unique(model.faces)) == set(range(V)), "every vertex is used"
    assert set(np.unique(model.surface)) == set(map(int, Surface))
    assert len(set(model.shape_names)) == len(model.shape_names)
    assert {"jawOpen", "eyeBlinkLeft", "eyeBlinkRight"} <= set(model.expression_names)
    for array in (model.mean, model.shape_basis, model.expression_basis):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()


def test_skin_faces_outwards(model: HeadModel):
    corners = model.mean[model.faces[model.surface == Surface.SKIN]].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = np.einsum("fc,fc->f", across, corners.mean(1) - (0, 20, 0))
    assert (outward > 0).mean() > 0.85


def test_landmarks_are_symmetric_and_on_their_surfaces(model: HeadModel):
    points = model.landmarks_478
    assert points.triangles.shape == (478, 3)
    np.testing.assert_allclose(points.weights.sum(1), 1, atol=1e-6)
    on_ball = np.isin(points.triangles, model.faces[model.surface == Surface.EYEBALL]).all(1)
    assert on_ball.tolist() == [False] * 468 + [True] * 10
    places = points.on(model.mean)
    flipped = places * (-1, 1, 1)
    gap = np.linalg.norm(places[:, None] - flipped[None], axis=2).min(1)
    assert np.median(gap) < 0.1
    assert gap.max() < 0.5


def test_landmarks_follow_the_face(model: HeadModel):
    neutral = np.zeros(len(model.expression_names), np.float32)
    shape = np.zeros(len(model.shape_names), np.float32)

    def opening(unit: str, upper: int, lower: int) -> tuple[float, float]:
        moved = neutral.copy()
        moved[[i for i, name in enumerate(model.expression_names) if name.startswith(unit)]] = 1
        before, after = (
            model.landmarks_478.on(model.vertices(shape, e))[[upper, lower], 1]
            for e in (neutral, moved)
        )
        return before[0] - before[1], after[0] - after[1]

    closed, opened = opening("jawOpen", 13, 14)
    assert closed < 4
    assert opened > 10
    awake, blinked = opening("eyeBlink", 159, 145)
    assert blinked < 0.35 * awake
    assert awake > 5


def test_lip_and_lid_points_are_in_order(model: HeadModel):
    places = model.landmarks_478.on(model.mean)
    for line in (sets.UPPER_LIP_TOP, sets.UPPER_LIP_BOTTOM, sets.LOWER_LIP_TOP):
        assert (np.diff(places[list(line), 0]) > 0).all()
    for lid in (sets.RIGHT_UPPER_LID, sets.RIGHT_LOWER_LID):
        assert (np.diff(places[list(lid), 0]) > 0).all()
    assert (places[list(sets.LEFT_BROW), 1].min() > places[list(sets.LEFT_EYE), 1]).all()


def test_fingerprint_covers_everything(model: HeadModel):
    assert fingerprint(model) == model.fingerprint
    changed = model.mean.copy()
    changed[7, 1] += np.float32(1e-3)
    for other in (
        replace(model, mean=changed),
        replace(model, shape_names=("x", *model.shape_names[1:])),
        replace(model, landmarks_478=replace(model.landmarks_478, weights=-changed)),
        replace(model, prior="phenotypes" if model.prior == "gaussian" else "gaussian"),
    ):
        assert fingerprint(other) != model.fingerprint


def test_a_second_load_is_identical_and_needs_neither_torch_nor_anny(
    anny: HeadModel, head_cache: Path
):
    script = (
        "import sys; from pathlib import Path\n"
        "from headwater.heads import load_head_model\n"
        "m = load_head_model('anny', Path(sys.argv[1]))\n"
        "assert not {'torch', 'anny', 'mediapipe'} & set(sys.modules)\n"
        "print(m.fingerprint)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(head_cache)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [anny.fingerprint]


@pytest.mark.parametrize(
    ("spec", "hint"),
    [("amny", "did you mean 'anny'"), ("itc:x", "did you mean 'ict:<path>'"), ("zzzz", "Choose")],
)
def test_unknown_names_are_refused_with_the_nearest(spec: str, hint: str, tmp_path: Path):
    with pytest.raises(HeadwaterError, match=hint):
        load_head_model(spec, tmp_path)


def test_vertices_match_the_plain_sum(anny: HeadModel):
    rng = np.random.default_rng(1)
    shape = rng.normal(size=len(anny.shape_names)).astype(np.float32)
    shape[rng.random(len(shape)) < 0.7] = 0
    expression = rng.random(len(anny.expression_names)).astype(np.float32)
    plain = anny.mean.astype(np.float64)
    for weight, moved in zip(shape, anny.shape_basis, strict=True):
        plain = plain + float(weight) * moved
    for weight, moved in zip(expression, anny.expression_basis, strict=True):
        plain = plain + float(weight) * moved
    np.testing.assert_allclose(anny.vertices(shape, expression), plain, atol=1e-4)


def test_landmarks_survive_their_file(anny: HeadModel):
    again = from_json(to_json(anny.landmarks_478))
    np.testing.assert_array_equal(again.triangles, anny.landmarks_478.triangles)
    np.testing.assert_allclose(again.weights, anny.landmarks_478.weights, atol=1e-4)
