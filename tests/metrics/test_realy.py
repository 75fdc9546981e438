"""REALY's error on sheets whose errors are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headwater.errors import HeadwaterError
from headwater.geometry.registration import Similarity
from headwater.metrics.realy import (
    GLOBAL,
    REGIONS,
    Region,
    check_topology,
    global_alignment,
    realy_errors,
)
from tests.metrics.realy_face import UNIT_MM, keypoint_rows, region_of, scan_of, sheet, template
from tests.metrics.slow_realy import slow_realy_error

TEMPLATE = template()
FACES = TEMPLATE.faces


def similarity(seed: int, scale: float = 1.0 / UNIT_MM) -> Similarity:
    rng = np.random.default_rng(seed)
    return Similarity(scale, Rotation.random(random_state=seed).as_matrix(), rng.normal(0, 5, 3))


def errors(vertices: np.ndarray, scan) -> dict[str, float]:
    return realy_errors(scan, TEMPLATE, vertices.astype(np.float32), FACES)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_scan_cut_from_the_prediction_has_no_error_under_any_similarity(seed: int) -> None:
    scan = scan_of(TEMPLATE.vertices.astype(np.float64), similarity(seed))
    found = errors(similarity(seed + 10, scale=3.0).apply(TEMPLATE.vertices), scan)
    assert tuple(found) == REGIONS
    assert max(found.values()) < 1e-2
    # The size of the answer does not count.
    for scale in (1e-3, 1e-30, 1e30):
        again = errors(scale * TEMPLATE.vertices.astype(np.float64), scan)
        assert max(again.values()) < 1e-2


def test_an_error_is_in_the_millimetres_of_the_metrical_scale() -> None:
    scan = scan_of(rough(1.0), similarity(2))
    once = errors(TEMPLATE.vertices, scan)
    twice = errors(TEMPLATE.vertices, replace(scan, metrical_scale=2 * scan.metrical_scale))
    assert min(once.values()) > 0.1
    assert twice == {name: 2 * once[name] for name in REGIONS}
    assert errors(TEMPLATE.vertices, scan) == once


@pytest.mark.parametrize("seed", [12, 13])
def test_errors_equal_those_of_the_slow_protocol(seed: int) -> None:
    """Of nose, mouth and a piece of the cheek; of many vertices the slow one takes long."""
    scan = scan_of(rough(1.5), similarity(seed))
    cheek, some = scan.regions["cheek"], scan.regions["cheek"].faces[:100]
    rows = np.unique(some)
    piece = Region(cheek.vertices[rows], np.searchsorted(rows, some))
    scan = replace(scan, regions={**scan.regions, "cheek": piece})
    face = similarity(seed + 1, scale=0.2).apply(TEMPLATE.vertices)
    found = errors(face, scan)
    for name in ("nose", "mouth", "cheek"):
        assert found[name] == pytest.approx(slow_realy_error(name, scan, TEMPLATE, face), rel=1e-4)


def rough(size_mm: float) -> np.ndarray:
    return TEMPLATE.vertices + np.random.default_rng(3).normal(0, size_mm, TEMPLATE.vertices.shape)


def test_rougher_predictions_have_larger_errors_in_every_region() -> None:
    scan = scan_of(TEMPLATE.vertices.astype(np.float64), similarity(4))
    found = [errors(rough(size), scan) for size in (0.5, 1.0, 2.0)]
    for name in REGIONS:
        small, middle, large = (one[name] for one in found)
        assert 1e-2 < small < middle < large


def test_a_region_that_is_shifted_alone_has_the_error_of_half_its_way() -> None:
    """Its keypoints, which did not move, count as much as its vertices in the rigid alignment."""
    shift = np.array([0.0, 0.0, 2.0])
    scan = scan_of(TEMPLATE.vertices.astype(np.float64), similarity(5), {"forehead": shift})
    found = errors(TEMPLATE.vertices, scan)
    assert 0.7 < found.pop("forehead") < 1.3
    assert max(found.values()) < 1e-2


def test_a_rigid_shift_of_a_region_with_its_keypoints_is_forgiven() -> None:
    scan = scan_of(TEMPLATE.vertices.astype(np.float64), similarity(6))
    shift = 0.3 * np.array([0.6, 0.0, 0.8])
    mouth = scan.regions["mouth"]
    moved = {**scan.regions, "mouth": replace(mouth, vertices=mouth.vertices + shift)}
    keypoints = scan.keypoints.copy()
    keypoints[[49, 50, 51, 52, 53, 55, 56, 57, 58, 59, 60, 64]] += shift
    found = errors(TEMPLATE.vertices, replace(scan, regions=moved, keypoints=keypoints))
    # Two of its fourteen keypoints align the whole and stay.
    assert found["mouth"] < 0.25 * 0.3 * UNIT_MM
    assert found["nose"] < 1e-2


def test_a_bump_on_the_scan_is_measured_where_it_is() -> None:
    """A smooth dent 3 mm deep in the forehead: its mean depth, within a fifth."""
    x, y = TEMPLATE.vertices[:, 0], TEMPLATE.vertices[:, 1]
    depth = 3.0 * np.exp(-((x / 25.0) ** 2) - ((y - 68.0) / 12.0) ** 2)
    dented = TEMPLATE.vertices - depth[:, None] * np.array([0.0, 0.0, 1.0])
    scan = scan_of(dented, similarity(7))
    found = errors(TEMPLATE.vertices, scan)
    planted = float(depth[region_of(TEMPLATE.vertices)["forehead"]].mean())
    assert found["forehead"] == pytest.approx(planted, rel=0.2)
    assert found["nose"] < 1e-2
    assert found["mouth"] < 1e-2


def test_the_scale_of_the_first_step_is_the_ratio_of_absolute_coordinates() -> None:
    rng = np.random.default_rng(8)
    source, place = rng.normal(0, 3, (7, 3)), similarity(8, scale=1.7)
    exact = global_alignment(source, place.apply(source))
    np.testing.assert_allclose(exact.apply(source), place.apply(source), atol=1e-9)
    target = place.apply(source) + rng.normal(0, 0.5, (7, 3))
    found = global_alignment(source, target)
    turned = (source - source.mean(axis=0)) @ found.rotation.T
    ratio = np.abs(target - target.mean(axis=0)).sum() / np.abs(turned).sum()
    assert found.scale == pytest.approx(ratio)
    np.testing.assert_allclose(found.apply(source).mean(axis=0), target.mean(axis=0), atol=1e-9)


def shuffled() -> tuple[np.ndarray, np.ndarray]:
    """The face's vertices in another order, and its faces that go with them."""
    order = np.random.default_rng(9).permutation(len(TEMPLATE.vertices))
    return TEMPLATE.vertices[order], np.argsort(order)[FACES]


def left_and_right_exchanged() -> np.ndarray:
    return sheet()[0].reshape(31, 25, 3)[:, ::-1].reshape(-1, 3)


def on_a_line() -> np.ndarray:
    return np.outer(TEMPLATE.vertices[:, 0], [1, 0, 0]).astype(np.float32)


@pytest.mark.parametrize(
    ("vertices", "faces", "said"),
    [
        (TEMPLATE.vertices[:-1], FACES[:9], "has 774 vertices, the template 775"),
        (*shuffled(), "faces that the template lacks"),
        (shuffled()[0], FACES, "of their spread from the template's"),
        (left_and_right_exchanged(), FACES, "of their spread from the template's"),
        (TEMPLATE.vertices * [1, 1, -1], FACES, "or it is mirrored"),
        (on_a_line(), FACES, "on one line"),
    ],
)
def test_a_mesh_of_another_topology_or_order_is_refused(
    vertices: np.ndarray, faces: np.ndarray, said: str
) -> None:
    with pytest.raises(HeadwaterError, match=said):
        check_topology(TEMPLATE, vertices, faces)


def test_a_face_of_another_shape_and_a_part_of_the_faces_are_accepted() -> None:
    check_topology(TEMPLATE, (TEMPLATE.vertices * [0.8, 1.2, 1.1]).astype(np.float32), FACES[50:])


def test_a_scan_whose_seven_keypoints_lie_on_a_line_is_an_error() -> None:
    scan = scan_of(TEMPLATE.vertices.astype(np.float64), similarity(1))
    keypoints = scan.keypoints.copy()
    keypoints[list(GLOBAL)] = np.outer(np.arange(7.0), [1, 2, 3])
    with pytest.raises(HeadwaterError, match="seven keypoints"):
        errors(TEMPLATE.vertices, replace(scan, keypoints=keypoints))


def test_equal_and_loose_vertices_of_a_scan_change_nothing_much() -> None:
    """Scans are cut from textured meshes: vertices along seams are there twice."""
    scan = scan_of(rough(1.0), similarity(11))
    nose = scan.regions["nose"]
    split = replace(nose, vertices=nose.vertices[nose.faces.reshape(-1)])
    split = replace(split, faces=np.arange(len(split.vertices)).reshape(-1, 3))
    found = errors(TEMPLATE.vertices, replace(scan, regions={**scan.regions, "nose": split}))
    assert found["nose"] == pytest.approx(errors(TEMPLATE.vertices, scan)["nose"], rel=0.05)


def test_keypoints_of_the_toy_lie_in_their_regions() -> None:
    rows, inside = keypoint_rows(TEMPLATE.vertices), region_of(TEMPLATE.vertices)
    assert inside["mouth"][rows[48:61]].all()
    assert inside["nose"][rows[27:36]].all()
    assert inside["forehead"][rows[17:27]].all()
    assert inside["forehead"][rows[36:48]].all()
