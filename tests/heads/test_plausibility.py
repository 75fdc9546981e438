"""The one set of checks that every head model passes: size, shape, symmetry, and where the face is.

Each fault is put into the real models, in the file's own unit.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headwater.errors import HeadwaterError
from headwater.heads import load_head_model
from headwater.heads.model import FloatArray, HeadModel, SurfacePoints, check_head_model
from headwater.heads.plausibility import check_face, check_head

Change = Callable[[HeadModel], HeadModel]


@pytest.fixture(params=["anny", "ict"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    return request.getfixturevalue(request.param)


def _check(model: HeadModel, unit: str = "millimetres") -> None:
    check_head_model(model, "toy")
    check_head(model, "toy", unit)
    check_face(model, "toy", unit)


def _moved(matrix: object) -> Change:
    """Multiply mean and bases by a 3 x 3 matrix, or by a number."""

    def change(model: HeadModel) -> HeadModel:
        turn = np.asarray(matrix, np.float32) * np.eye(3, dtype=np.float32)
        turn = turn if np.ndim(matrix) == 0 else np.asarray(matrix, np.float32)

        def moved(points: FloatArray) -> FloatArray:
            return (points @ turn.T).astype(np.float32)

        return replace(
            model,
            mean=moved(model.mean),
            shape_basis=moved(model.shape_basis),
            expression_basis=moved(model.expression_basis),
        )

    return change


def _mirrored(model: HeadModel) -> HeadModel:
    turned = _moved(np.diag([-1, 1, 1]))(model)
    return replace(turned, faces=np.ascontiguousarray(model.faces[:, ::-1]))


def _half_swollen(model: HeadModel) -> HeadModel:
    left = model.mean[:, :1] > 0
    return replace(model, mean=np.where(left, model.mean * np.float32(1.3), model.mean))


def _landmarks(**changes: Callable[[SurfacePoints], object]) -> Change:
    def change(model: HeadModel) -> HeadModel:
        points = model.landmarks_478
        made = {name: make(points) for name, make in changes.items()}
        return replace(model, landmarks_478=replace(points, **made))

    return change


def _bases(factor: float, *names: str) -> Change:
    return lambda model: replace(
        model, **{name: getattr(model, name) * np.float32(factor) for name in names}
    )


def test_the_models_themselves_pass(model: HeadModel) -> None:
    _check(model)
    _check(_moved(0.75)(model))
    _check(_moved(1.25)(model))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_moved(np.diag([1, 1, 0])), "is flat: .* mm along z"),
        (_moved(np.diag([0.02, 1, 1])), "is flat: .* mm along x"),
        (_moved(1 / 2.54), "eye corners are 3.* mm apart"),
        (_moved(np.diag([-1, 1, -1])), "looks along -z"),
        (_moved(np.diag([-1, -1, 1])), "forehead towards -y"),
        (_moved([[1, 0, 0], [0, 0, -1], [0, 1, 0]]), "looks along -y"),
        (_moved([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), "not symmetric"),
        (_moved([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]), "not symmetric"),
        (_mirrored, "is mirrored"),
        (_half_swollen, "not symmetric"),
        (_bases(1000, "shape_basis"), "shape_basis moves a vertex by .* mm"),
        (_bases(1000, "expression_basis"), "expression_basis moves a vertex by .* mm"),
        (_bases(0, "shape_basis"), "shape_basis moves no vertex by more than 0 mm"),
        (_landmarks(triangles=lambda points: points.triangles + np.int32(10**6)), "landmark 0 "),
        (_landmarks(triangles=lambda points: points.triangles[:100]), "100 landmarks"),
        (_landmarks(weights=lambda points: points.weights * np.float32(3)), "landmark 0 "),
        (
            _landmarks(weights=lambda points: points.weights * np.float32(np.nan)),
            "landmark 0 ",
        ),
    ],
)
def test_every_fault_has_its_sentence(model: HeadModel, change: Change, said: str) -> None:
    with pytest.raises(HeadwaterError, match=said) as caught:
        _check(change(model))
    assert str(caught.value).startswith("toy: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("factor", "unit", "said"),
    [
        (10, "centimetres", "millimetres read as centimetres"),
        (0.01, "centimetres", "metres read as centimetres"),
        (0.001, "millimetres", "metres read as millimetres"),
        (0.1, "millimetres", "centimetres read as millimetres"),
        (1 / 25.4, "millimetres", "inches read as millimetres"),
        (1 / 2.54, "centimetres", "inches read as centimetres"),
    ],
)
def test_the_nearest_unit_is_named(model: HeadModel, factor: float, unit: str, said: str) -> None:
    with pytest.raises(HeadwaterError, match=said):
        _check(_moved(factor)(model), unit)


def test_a_file_of_another_unit_is_refused_by_name(shared_data: Path, tmp_path: Path) -> None:
    with np.load(shared_data / "ict_facekit.npz") as file:
        arrays = {
            key: file[key]
            for key in ("v_mean", "id_delta", "id_names", "exp_delta", "exp_names", "quads")
        }
    for key in ("v_mean", "id_delta", "exp_delta"):
        arrays[key] = arrays[key] * 10
    np.savez(tmp_path / "m.npz", **arrays)
    with pytest.raises(HeadwaterError, match=r"m\.npz: .*millimetres read as centimetres"):
        load_head_model(f"ict:{tmp_path / 'm.npz'}", tmp_path / "cache")
