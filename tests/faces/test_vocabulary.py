"""The vocabulary of a face agrees with itself, with MediaPipe's and with a real face."""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

from headwater.faces import face_mesh
from headwater.faces import vocabulary as sets
from headwater.faces.frame_landmarks import photo_landmarks
from headwater.faces.mediapipe_adapter import face_mesh_edges

# The face mesh's mirror pairs that the sets use, found by eye on a symmetric face.
LOOPS = {
    "eye": (sets.RIGHT_EYE, sets.LEFT_EYE),
    "brow": (sets.RIGHT_BROW, sets.LEFT_BROW),
    "upper lid": (sets.RIGHT_UPPER_LID, sets.LEFT_UPPER_LID),
    "lower lid": (sets.RIGHT_LOWER_LID, sets.LEFT_LOWER_LID),
}


def test_68_different_points_of_478() -> None:
    assert sets.IBUG68_FROM_478.shape == (68,)
    assert len(set(sets.IBUG68_FROM_478.tolist())) == 68
    assert sets.IBUG68_FROM_478.min() >= 0
    assert sets.IBUG68_FROM_478.max() < 468
    with pytest.raises(ValueError, match="read-only"):
        sets.IBUG68_FROM_478[0] = 1


@pytest.mark.parametrize(
    "loop",
    [
        *(sets.RIGHT_EYE, sets.LEFT_EYE, sets.RIGHT_BROW, sets.LEFT_BROW, sets.FACE_OVAL),
        *(sets.OUTER_LIPS, sets.INNER_LIPS, sets.UPPER_LIP, sets.LOWER_LIP, sets.NOSE),
    ],
)
def test_loops_repeat_no_point(loop: tuple[int, ...]) -> None:
    assert len(set(loop)) == len(loop)


@pytest.mark.parametrize(
    "loop", [sets.RIGHT_EYE, sets.LEFT_EYE, sets.FACE_OVAL, sets.OUTER_LIPS, sets.INNER_LIPS]
)
def test_loops_follow_the_mesh_edges(loop: tuple[int, ...]) -> None:
    edges = face_mesh_edges()
    for a, b in zip(loop, (*loop[1:], loop[0]), strict=True):
        assert (min(a, b), max(a, b)) in edges


def test_right_is_left_in_a_photo_of_a_face(portraits) -> None:
    for portrait in portraits:
        x = portrait.landmarks[:, 0]
        for right, left in LOOPS.values():
            assert x[list(right)].mean() < x[list(left)].mean()
        assert x[sets.RIGHT_IRIS_CENTRE] < x[sets.LEFT_IRIS_CENTRE]


def test_68_points_lie_as_ibug_orders_them(portraits) -> None:
    for portrait in portraits:
        points = sets.ibug68(portrait.landmarks)[:, :2]
        x, y = points[:, 0], points[:, 1]
        assert (np.diff(x[:17]) > -0.03 * np.ptp(x)).all()
        assert y[8] == y[:17].max()
        assert (np.diff(x[17:27]) > 0).all()
        assert (np.diff(y[27:31]) > 0).all()
        assert (np.diff(x[31:36]) > 0).all()
        assert y[31:36].mean() > y[30]
        for eye in (36, 42):
            assert x[eye] < x[eye + 1] < x[eye + 2] < x[eye + 3]
            assert y[eye + 1 : eye + 3].mean() < y[eye + 4 : eye + 6].mean()
        assert (np.diff(x[48:55]) > 0).all()
        assert (np.diff(x[54:60]) < 0).all()
        assert (np.diff(x[60:65]) > 0).all()
        assert y[57] > y[51]
        assert sets.outer_eye_distance(points) == pytest.approx(
            np.hypot(*(points[45] - points[36]))
        )


def test_corresponding_points_of_hand_annotations(detector, shared_data) -> None:
    """The 68 points lie on the hand-set points that mean the same, within 3 % of the eyes."""
    import json

    from headwater.photos.decode import decode_photo

    folder = shared_data / "photos"
    notes = json.loads((folder / "annotations.json").read_text())
    template = json.loads((folder / "frl189.json").read_text())
    same = {int(k): v for k, v in template["ibug68"].items() if int(k) not in (17, 21, 22, 26)}
    errors = []
    for name, note in notes.items():
        if note.get("by") != "hand":
            continue
        mesh = photo_landmarks(decode_photo((folder / name).read_bytes()).rgb, detector)
        found = sets.ibug68(mesh)[:, :2]
        truth = np.array(note["points"])
        gaps = [np.hypot(*(found[i] - truth[j])) for i, j in same.items()]
        errors.append(np.mean(gaps) / np.hypot(*(truth[27] - truth[18])))
    assert len(errors) >= 8
    assert max(errors) < 0.03


def test_mirror_partners_keep_the_mesh_and_its_sets() -> None:
    """Mirroring twice gives every point back, and sides change places with nearly all edges."""
    partners = sets.MIRROR_PARTNERS
    np.testing.assert_array_equal(partners[partners], np.arange(478))
    edges = face_mesh_edges()
    mirrored = {tuple(sorted((int(partners[a]), int(partners[b])))) for a, b in edges}
    # The tessellation itself cuts some of its squares along the other diagonal on one side.
    assert len(mirrored & edges) > 0.97 * len(edges)
    for right, left in LOOPS.values():
        np.testing.assert_array_equal(partners[list(right)], left)
    assert partners[sets.RIGHT_IRIS_CENTRE] == sets.LEFT_IRIS_CENTRE
    assert set(partners[list(sets.RIGHT_IRIS)]) == set(sets.LEFT_IRIS)
    for point in (sets.NOSE_TIP, sets.CHIN, sets.FOREHEAD, sets.NOSE_BRIDGE):
        assert partners[point] == point


def test_mesh_has_three_holes_and_turns_alike() -> None:
    triangles = face_mesh.skin_triangles()
    directed = {(t[i], t[(i + 1) % 3]) for t in triangles.tolist() for i in range(3)}
    assert triangles.shape == (852, 3)
    assert len(directed) == 3 * 852
    rims = {a for a, b in directed if (b, a) not in directed}
    assert rims == set(sets.FACE_OVAL + sets.RIGHT_EYE + sets.LEFT_EYE + sets.INNER_LIPS)


def test_spread_is_harmonic_between_fixed_points() -> None:
    driven, free = (13, 14), face_mesh.near((13, 14), 3)
    weights = face_mesh.spread(driven, free)
    assert weights.shape == (514, 2)
    assert weights.min() >= 0
    assert weights.sum(axis=1).max() <= 1 + 1e-9
    np.testing.assert_allclose(weights[list(driven)], np.eye(2))
    outside = sorted(set(range(514)) - free)
    assert not weights[outside].any()
    neighbours: dict[int, set[int]] = {i: set() for i in range(514)}
    for triangle in np.vstack([face_mesh.skin_triangles(), face_mesh.ring_triangles()]).tolist():
        for a in triangle:
            neighbours[a] |= set(triangle) - {a}
    for point in sorted(free - set(driven)):
        mean = weights[sorted(neighbours[point])].mean(axis=0)
        np.testing.assert_allclose(weights[point], mean, atol=1e-9)


def test_named_points_are_those_of_the_68() -> None:
    of_68 = sets.IBUG68_FROM_478
    assert of_68[sets.IBUG_RIGHT_OUTER_EYE_CORNER] == sets.RIGHT_OUTER_EYE_CORNER
    assert of_68[sets.IBUG_LEFT_OUTER_EYE_CORNER] == sets.LEFT_OUTER_EYE_CORNER
    assert of_68[sets.IBUG_NOSE_TIP - 3] == sets.NOSE_BRIDGE
    assert set(of_68[sets.IBUG_RIGHT_EYE]) <= set(sets.RIGHT_EYE)
    assert set(of_68[sets.IBUG_LEFT_EYE]) <= set(sets.LEFT_EYE)
    assert set(of_68[sets.IBUG_INNER_LIPS]) <= set(sets.INNER_LIPS)
    assert set(of_68[sets.IBUG_MOUTH]) <= set(sets.INNER_LIPS) | set(sets.OUTER_LIPS)
    jaw = of_68[sets.IBUG_JAW].tolist()
    assert set(jaw) < set(sets.FACE_OVAL)
    assert jaw[8] == sets.CHIN
    assert {sets.FOREHEAD, sets.CHIN, sets.LEFT_SIDE, sets.RIGHT_SIDE} < set(sets.FACE_OVAL)
    assert {sets.RIGHT_INNER_EYE_CORNER, sets.RIGHT_OUTER_EYE_CORNER} < set(sets.RIGHT_EYE)
    assert {sets.LEFT_INNER_EYE_CORNER, sets.LEFT_OUTER_EYE_CORNER} < set(sets.LEFT_EYE)


def test_the_vocabulary_stands_in_one_module() -> None:
    """It imports nothing of the project, and no other module gives its names again."""
    path = Path(inspect.getfile(sets))
    imported = {
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }
    assert not any(module.startswith("headwater") for module in imported if module)
    names = {name for name in vars(sets) if name.isupper()} | {"Part"}
    for other in sorted(path.parents[1].rglob("*.py")):
        if other != path:
            again = names & _defined(ast.parse(other.read_text()))
            assert not again, f"{other} defines {again}, which are names of the vocabulary"


def _defined(module: ast.Module) -> set[str]:
    """Names without leading underscores that a module assigns or defines as classes."""
    defined = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                leaves = target.elts if isinstance(target, ast.Tuple) else [target]
                defined |= {leaf.id for leaf in leaves if isinstance(leaf, ast.Name)}
    return {name.lstrip("_") for name in defined}
