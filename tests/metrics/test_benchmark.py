"""From heads to rows of errors, and from rows to figures."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from headwater.metrics.benchmark import BenchmarkRow, Prediction, TruthHead, score
from headwater.metrics.face_regions import REGIONS
from headwater.metrics.strata import (
    YAW_EDGES_DEGREES,
    bin_names,
    bin_numbers,
    expression_strength_mm,
    yaw_degrees,
)
from headwater.metrics.summary import (
    ERRORS,
    EXPRESSION,
    PITCH,
    VIEWS,
    YAW,
    bins,
    compare,
    heat_map,
    summarise,
)
from tests.metrics import heads as toys


@pytest.fixture(scope="module")
def truth() -> TruthHead:
    mesh = toys.egg(4)
    rows = toys.landmark_vertices(mesh)
    return TruthHead("ada", mesh.vertices, mesh.faces, mesh.vertices[rows], 1.2)


def predicted(vertices: np.ndarray, detail: int = 4) -> Prediction:
    mesh = toys.egg(detail)
    return Prediction(vertices, mesh.faces, vertices[toys.landmark_vertices(mesh)])


def scored(truth: TruthHead, prediction: Prediction) -> BenchmarkRow:
    return score(truth, prediction, system="toy", views=3, yaw_degrees=-20.0)


def test_the_truth_itself_moved_has_no_error(truth: TruthHead) -> None:
    row = scored(truth, predicted(toys.rigid(truth.vertices)))
    assert row.failure is None
    assert (
        max(row.face_scan_to_mesh_mm, row.reverse_face_mm, row.h3ds_face_mm, row.h3ds_head_mm)
        < 0.01
    )
    assert row.f_score_1mm == 1.0
    assert max(row.regions_mm.values()) < 0.01
    assert (row.subject, row.system, row.views, row.expression_mm) == ("ada", "toy", 3, 1.2)


def test_only_the_scan_to_mesh_protocol_sees_size(truth: TruthHead) -> None:
    row = scored(truth, predicted(truth.vertices * 1.05))
    assert row.face_scan_to_mesh_mm > 0.3
    assert row.h3ds_face_mm < 1e-6
    assert row.f_score_1mm < row.f_score_2mm <= row.f_score_3mm


def test_another_topology_of_the_same_surface_costs_little(truth: TruthHead) -> None:
    fine = toys.egg(5)
    finer = TruthHead("ada", fine.vertices, fine.faces, truth.landmarks_478)
    row = scored(finer, Prediction(truth.vertices, truth.faces, truth.landmarks_478))
    assert row.face_scan_to_mesh_mm < 0.2
    assert row.h3ds_face_mm > 1.0


def test_an_error_of_the_nose_is_an_error_of_the_nose(truth: TruthHead) -> None:
    other = truth.vertices.copy()
    near = np.exp(-((np.linalg.norm(other - truth.nose_tip, axis=1) / 10.0) ** 2))
    other[:, 2] -= 8.0 * near
    prediction = Prediction(other, truth.faces, truth.landmarks_478)
    heat = scored(truth, prediction).heat
    assert heat is not None
    worst = heat.region[heat.distances.argmax()]
    assert np.linalg.norm(truth.vertices[worst] - truth.nose_tip) < 12.0


def test_vertices_of_no_seen_face_are_not_scored(truth: TruthHead) -> None:
    inner = trimesh.creation.icosphere(subdivisions=2, radius=20.0)
    inner.vertices += truth.nose_tip - [0.0, 0.0, 40.0]
    vertices = np.vstack([inner.vertices, truth.vertices])
    shifted = TruthHead(
        "ada", vertices, truth.faces + len(inner.vertices), truth.landmarks_478, 1.2
    )
    one, same = (scored(t, predicted(truth.vertices * 1.02)) for t in (truth, shifted))
    for name in ERRORS:
        assert getattr(one, name) == pytest.approx(getattr(same, name), abs=1e-9)


def test_a_drawn_face_region_is_what_heads_are_aligned_on(truth: TruthHead) -> None:
    forehead = np.flatnonzero(truth.vertices[:, 1] > 60.0)
    drawn = replace(truth, h3ds_face=forehead)
    np.testing.assert_array_equal(drawn.h3ds.vertices[drawn.h3ds.face], truth.vertices[forehead])
    np.testing.assert_array_equal(truth.h3ds.face, truth.h3ds.face_sphere)


@pytest.mark.parametrize("kind", ["nan", "empty", "tiny"])
def test_what_cannot_be_scored_says_why_and_has_no_numbers(truth: TruthHead, kind: str) -> None:
    vertices = truth.vertices * (0.05 if kind == "tiny" else 1.0)
    if kind == "nan":
        vertices = np.full_like(vertices, np.nan)
    faces = truth.faces[:0] if kind == "empty" else truth.faces
    row = scored(truth, Prediction(vertices, faces, truth.landmarks_478 * 0.05))
    assert row.failure
    assert np.isnan([getattr(row, name) for name in ERRORS]).all()
    figures = summarise([row])
    assert figures == {"subjects": 0, "failures": 1}


def made_up(
    subject: str, error: float, yaw: float = 0.0, views: int = 1, first_view: int = 0
) -> BenchmarkRow:
    numbers = dict.fromkeys(ERRORS, error)
    regions = dict.fromkeys(REGIONS, 2.0 * error)
    return BenchmarkRow(
        subject, "toy", views, yaw, 0.1, first_view=first_view, regions_mm=regions, **numbers
    )


def test_figures_are_means_over_subjects_with_failures_counted() -> None:
    failed = BenchmarkRow("c", "toy", 1, 0.0, 0.1, failure="no surface")
    rows = [made_up("a", 1.0), made_up("a", 3.0), made_up("b", 6.0), failed]
    figures = summarise(rows)
    assert figures["subjects"] == 2
    assert figures["failures"] == 1
    assert figures["face_scan_to_mesh_mm"] == 4.0
    assert figures["nose_mm"] == 8.0
    assert figures["face_scan_to_mesh_mm_low"] <= 4.0 <= figures["face_scan_to_mesh_mm_high"]
    assert all(np.isfinite(value) for value in figures.values())
    assert figures == summarise(rows)


def test_bins_do_not_mix_kinds_of_questions() -> None:
    yaws = (0.0, -15.0, 29.9, 44.0, 80.0)
    rows = [made_up(str(i), 1.0 + i, yaw) for i, yaw in enumerate(yaws)]
    rows[2] = replace(rows[2], pitch_degrees=-30.0)
    side = [made_up(str(i), 50.0, 33.0, first_view=2) for i in range(5)]
    rows += [replace(one, pitch_degrees=3.0 * i) for i, one in enumerate(side)]
    rows += [made_up(str(i), 0.5, yaw, views=3) for i, yaw in enumerate(yaws)]
    failed = BenchmarkRow("lost", "toy", 1, 20.0, 0.1, failure="no surface")
    found = {(one.kind, one.name): one for one in bins([*rows, failed])}
    errors = {key: (one.error.value, one.subjects) for key, one in found.items()}
    assert errors == {
        (YAW, "0_15"): (1.0, 1),
        (YAW, "15_30"): (2.5, 2),
        (YAW, "30_45"): ((4 * 50.0 + (4.0 + 50.0) / 2) / 5, 5),
        (YAW, "75_180"): (5.0, 1),
        (PITCH, "-30_-15"): (3.0, 1),
        (PITCH, "-15_15"): (50.0, 5),
        (EXPRESSION, "0_0.5"): (3.0, 5),
        (VIEWS, "1"): (3.0, 5),
        (VIEWS, "3"): (0.5, 5),
    }
    assert found[YAW, "15_30"].place == pytest.approx((15.0 + 29.9 + 20.0) / 3)
    assert found[VIEWS, "3"].place == 3.0
    assert bins([]) == []


def test_comparison_is_paired_by_subject() -> None:
    ours = [made_up("a", 1.0), made_up("b", 2.0), made_up("only ours", 50.0)]
    theirs = [made_up("b", 4.0), made_up("a", 2.0), made_up("only theirs", 90.0)]
    theirs.append(BenchmarkRow("only ours", "toy", 1, 0.0, 0.0, failure="lost"))
    found = compare(ours, theirs)
    assert found.subjects == 2
    assert found.ours.value == 1.5
    assert found.difference.value == -1.5
    assert found.difference.high < 0
    np.testing.assert_allclose(found.ratio, [0.5] * 3)
    assert found.figures("lvd")["lvd_ratio"] == 0.5
    nothing = compare(ours[:0], theirs)
    assert nothing.subjects == 0
    assert nothing.figures("lvd") == {"lvd_subjects": 0}


def test_heat_map_is_the_mean_over_heads_where_there_are_any(truth: TruthHead) -> None:
    rows = [scored(truth, predicted(truth.vertices * size)) for size in (1.0, 1.04)]
    mean, count = heat_map(rows, len(truth.vertices))
    heat = rows[1].heat
    assert heat is not None
    np.testing.assert_allclose(mean[heat.region], heat.distances / 2, atol=0.01)
    assert (count[heat.region] == 2).all()
    outside = np.setdiff1d(np.arange(len(mean)), heat.region)
    assert np.isnan(mean[outside]).all()
    assert not count[outside].any()


def test_yaw_is_the_turn_of_the_head() -> None:
    facing = np.diag([1.0, -1.0, -1.0])
    for degrees in (-120.0, -30.0, 0.0, 45.0):
        # The head turned to its right shows its left side.
        turn = trimesh.transformations.euler_matrix(0, np.radians(-degrees), 0)[:3, :3]
        pitch = trimesh.transformations.euler_matrix(0.3, 0, 0)[:3, :3]
        assert yaw_degrees(facing @ turn) == pytest.approx(degrees)
        assert yaw_degrees(facing @ pitch @ turn) == pytest.approx(degrees)


def test_expression_strength_is_a_mean_displacement() -> None:
    neutral = np.zeros((478, 3))
    moved = neutral.copy()
    moved[:234, 1] = 2.0
    moved[468:] = 99.0  # irises do not count
    assert expression_strength_mm(moved, neutral) == 1.0


def test_bins_have_names_and_refuse_what_fits_none() -> None:
    assert bin_names((0.0, 0.5, float("inf"))) == ["0_0.5", "0.5_up"]
    values = np.array([0.0, 15.0, 44.9, 180.0])
    assert bin_numbers(values, YAW_EDGES_DEGREES).tolist() == [0, 1, 2, 5]
    with pytest.raises(ValueError, match="outside"):
        bin_numbers(np.array([np.nan]), YAW_EDGES_DEGREES)
