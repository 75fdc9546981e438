"""The command on a folder as published: figures, failures, and one sentence for what is wrong."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.realy import Judged, main, summary, table
from headwater.artifacts.meshes import to_ply
from headwater.metrics.realy import REGIONS
from tests.data.published_realy import TEMPLATE, face_of, obj, write_realy, write_template


def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *more: str) -> None:
    mesh, keypoints = write_template(tmp_path / "template")
    named = ("--template", str(mesh), "--keypoints", str(keypoints))
    answers = ("--predictions", str(tmp_path / "answers"))
    command = ["realy", str(tmp_path / "realy"), *answers, *named, *more]
    monkeypatch.setattr(sys, "argv", command)
    main()


@pytest.fixture
def benchmark_folder(tmp_path: Path) -> Path:
    write_realy(tmp_path / "realy")
    (tmp_path / "answers").mkdir()
    return tmp_path


def test_exact_answers_have_no_error_in_any_format(
    benchmark_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = benchmark_folder / "answers"
    (answers / "1.obj").write_text(obj(face_of(1), TEMPLATE.faces))
    (answers / "2_left.ply").write_bytes(to_ply(face_of(2), TEMPLATE.faces))
    np.savez(answers / "3.npz", vertices=face_of(3))
    out = benchmark_folder / "figures.json"
    call(monkeypatch, benchmark_folder, "--out", str(out))
    record = json.loads(out.read_text())
    assert [row["region"] for row in record["figures"]] == [*REGIONS, "all"]
    for row in record["figures"]:
        assert (row["meshes"], row["failures"]) == (3, 0)
        assert row["mean_mm"] < 1e-2
    assert sorted(record["errors_mm"]) == ["1", "2_left", "3"]
    assert "| nose | 0.000 | 0.000 | 0.000 | 3 | 0 |" in capsys.readouterr().out


def test_wrong_answers_are_failures_with_their_reason_and_in_no_mean(
    benchmark_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = benchmark_folder / "answers"
    (answers / "1.obj").write_text(obj(face_of(3), TEMPLATE.faces))
    (answers / "1_cut.obj").write_text(obj(face_of(1)[:-1], TEMPLATE.faces[:5]))
    (answers / "1_odd.ply").write_bytes(b"ply\n")
    mixed = np.random.default_rng(0).permutation(face_of(1))
    (answers / "1_mixed.obj").write_text(obj(mixed, TEMPLATE.faces))
    (answers / "2.obj").write_text(obj(face_of(2), TEMPLATE.faces))
    (benchmark_folder / "realy" / "REALY_scan_region" / "2" / "nose.obj").unlink()
    call(monkeypatch, benchmark_folder)
    out = capsys.readouterr().out
    assert out.count("| 1 | 5 |") == 5
    for line in (
        "1_cut: has 774 vertices, the template 775",
        "1_odd: ",
        "not a readable PLY mesh",
        "1_mixed: has its keypoints",
        "nose.obj: there is no such file",
        "3: there is no answer of this subject",
    ):
        assert line in out
    # The wide face is no narrow one.
    cheek = next(line for line in out.splitlines() if line.startswith("| cheek"))
    assert 0.1 < float(cheek.split("|")[2]) < 5.0


def test_a_wrong_folder_ends_in_one_sentence(
    benchmark_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=r"realy: .*has no answers <number>.obj"):
        call(monkeypatch, benchmark_folder)
    (benchmark_folder / "realy" / "metrical_scale.txt").unlink()
    with pytest.raises(SystemExit, match=r"realy: .*metrical_scale.txt: there is no such file"):
        call(monkeypatch, benchmark_folder)


def test_figures_are_mean_median_and_deviation_of_the_sound_ones() -> None:
    values = (1.0, 2.0, 6.0)
    answers = [Judged(str(v), dict.fromkeys((*REGIONS, "all"), v)) for v in values]
    rows = summary([*answers, Judged("x", {}, "It has no faces.")])
    assert [row["mean_mm"] for row in rows] == [3.0] * 5
    assert [row["median_mm"] for row in rows] == [2.0] * 5
    assert [row["std_mm"] for row in rows] == [2.646] * 5
    assert {(row["meshes"], row["failures"]) for row in rows} == {(3, 1)}
    assert "| nose | 3.000 | 2.000 | 2.646 | 3 | 1 |" in table(rows)
    nothing = summary([Judged("x", {}, "It has no faces.")])
    assert "| all | - | - | - | 0 | 1 |" in table(nothing)
