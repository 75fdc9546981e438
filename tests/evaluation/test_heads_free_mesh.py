"""Free meshes as scores of the challenge heads: beside the head, in tables, figures and report."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.evaluation.heads import CHALLENGE
from headwater.evaluation.heads.answer import FreeMesh, HeadAnswer
from headwater.evaluation.heads.figures import figures
from headwater.evaluation.heads.table import read_rows, rows_of
from headwater.evaluation.heads.trials import HELD_OUT, Trial, questions
from headwater.evaluation.judge import judge
from headwater.evaluation.scores import scores_of
from headwater.metrics.benchmark import FREE_MESH, BenchmarkRow
from headwater.report.comparison import compare_systems
from tests.evaluation.written_rows import write_rows
from tests.systems.toy_heads import toy_cases, toy_heads, toy_template, toy_views

TEMPLATE = toy_template()
HEADS = toy_heads(3, seed=4)
CASES = toy_cases(HEADS, toy_views(HEADS, 1, seed=1))


def front_half(vertices: np.ndarray) -> FreeMesh:
    """The part of a toy head that is seen from the front, numbered anew."""
    faces = TEMPLATE.faces[(vertices[TEMPLATE.faces, 2] > 0).all(axis=1)]
    used, number = np.unique(faces, return_inverse=True)
    faces = number.reshape(-1, 3).astype(np.int32)
    return FreeMesh(vertices[used], faces, TEMPLATE.landmarks_478.on(vertices))


def true_half(trial: Trial) -> FreeMesh:
    return front_half(np.asarray(trial.case.truth.vertices))


def scores(free: Any) -> list[dict[str, float]]:
    """Scores of the mean head beside free meshes."""

    def answer(trial: Trial) -> HeadAnswer:
        return HeadAnswer(TEMPLATE, TEMPLATE.mean, free=free(trial))

    judged = list(judge(CHALLENGE, questions(CASES), {"toy": answer}))
    assert [one.failure for one in judged] == [None, None, None]
    return [dict(one.values) for one in judged]


def test_a_part_of_the_true_head_has_no_error_back_and_the_head_beside_it_keeps_its_own() -> None:
    without, beside = scores(lambda trial: None), scores(true_half)
    for own, more in zip(without, beside, strict=True):
        assert set(more) - set(own) == set(FREE_MESH)
        assert {name: more[name] for name in own} == own
        assert more["free_mesh_reverse_mm"] == pytest.approx(0.0, abs=1e-3)
        assert more["free_mesh_mm"] < own["face_scan_to_mesh_mm"]
    grown = scores(lambda trial: front_half(1.05 * np.asarray(trial.case.truth.vertices)))
    for whole, larger in zip(beside, grown, strict=True):
        assert larger["free_mesh_mm"] > whole["free_mesh_mm"] + 0.1


def test_a_free_mesh_that_cannot_be_aligned_has_no_score_and_is_counted() -> None:
    spoilt = HEADS.subjects[1]

    def free(trial: Trial) -> FreeMesh:
        mesh = true_half(trial)
        if trial.case.truth.subject != spoilt:
            return mesh
        return replace(mesh, vertices=np.full_like(mesh.vertices, np.nan))

    def answer(trial: Trial) -> HeadAnswer:
        return HeadAnswer(TEMPLATE, TEMPLATE.mean, free=free(trial))

    judged = list(judge(CHALLENGE, questions(CASES), {"toy": answer}))
    assert ["free_mesh_mm" in one.values for one in judged] == [True, False, True]
    found = figures("toy", rows_of(scores_of(CHALLENGE, judged)), {})
    assert (found["given_subjects"], found["given_failures"]) == (3, 0)
    assert found["given_free_mesh_failures"] == 1
    known = [one.values["free_mesh_mm"] for one in judged[::2]]
    assert found["given_free_mesh_mm"] == pytest.approx(np.mean(known))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"faces": np.array([[0, 1, 10_000]], np.int32)}, "a face of the free mesh names a vertex"),
        ({"faces": np.array([[-1, 0, 1]], np.int32)}, "a face of the free mesh names a vertex"),
        ({"vertices": np.zeros((4, 2))}, r"the free mesh is \(4, 2\)"),
        ({"landmarks_478": np.zeros((68, 3))}, r"the free mesh is .* and \(68, 3\)"),
    ],
)
def test_what_is_no_mesh_is_a_failure_with_its_reason(change: Any, said: str) -> None:
    def answer(trial: Trial) -> HeadAnswer:
        return HeadAnswer(TEMPLATE, TEMPLATE.mean, free=replace(true_half(trial), **change))

    for one in judge(CHALLENGE, questions(CASES[:1]), {"odd": answer}):
        assert one.failure is not None
        assert one.failure.startswith("unexpected ValueError")
        assert re.search(said, one.failure)


def rows(system: str, **more: Any) -> list[BenchmarkRow]:
    return [
        BenchmarkRow(f"head{i}", system, 1, 0.0, 0.0, face_scan_to_mesh_mm=1.0 + i, **more)
        for i in range(3)
    ]


def test_the_comparison_has_a_column_of_them_where_a_system_has_some(tmp_path: Path) -> None:
    evaluated = tmp_path / "evaluate"
    write_rows(evaluated / "baselines", {HELD_OUT: rows("mean_head")})
    write_rows(evaluated / "a", {HELD_OUT: rows("a")})
    assert not compare_systems(tmp_path, {}, ["a"]).free
    free = rows("b", free_mesh={"free_mesh_mm": 2.5, "free_mesh_reverse_mm": 1.5})
    write_rows(evaluated / "b", {HELD_OUT: free})
    assert [one.free_mesh for one in read_rows(evaluated / "b")[HELD_OUT]] == [
        one.free_mesh for one in free
    ]
    compared = compare_systems(tmp_path, {}, ["a", "b"])
    assert compared.free
    values = {line.system: line.free.value for line in compared.lines}
    assert values["b"] == pytest.approx(2.5)
    assert np.isnan([values["a"], values["mean head"]]).all()
