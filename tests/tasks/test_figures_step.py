"""The step "figures": what DVC shows is what the scores and curves hold."""

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from headwater.config import load_params
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Score
from headwater.evaluation.scores import read_all, write_scores
from headwater.evaluation.summary import bins
from headwater.systems import known_challenges
from tasks import figures
from tasks.plugin import main as plugin_main

PROJECT = Path(__file__).resolve().parents[2]
TOY = PROJECT / "tests" / "systems" / "toy_plugin"
HEADLINE = "face_scan_to_mesh_mm"


def score(system: str, subject: str, value: float | None, yaw: float, **more: object) -> Score:
    plain = {
        "challenge": "heads",
        "system": system,
        "size": None,
        "test_set": "held_out",
        "subject": subject,
        "question": f"{yaw:g}",
        "conditions": {"views": 1, "first_view": 0, "yaw_degrees": yaw, "expression_mm": 1.0},
        "metric": HEADLINE,
        "value": value,
        "failure": None if value is not None else "no head",
    }
    return Score(**{**plain, **more})  # type: ignore[arg-type]


def scores(system: str, factor: float) -> list[Score]:
    rng = np.random.default_rng(len(system))
    own = [
        score(system, f"head {number}", factor * float(rng.uniform(1, 2)), yaw)
        for number in range(5)
        for yaw in (5.0, -20.0, 40.0)
    ]
    return [
        *own,
        score(system, "head 9", None, 5.0),
        score(system, "x", 9.0, 5.0, test_set="other"),
    ]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with scores, metrics and curves of two systems and a baseline."""
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    data = tmp_path / "data"
    for place, system, factor in (
        ("glvd", "glvd", 1.0),
        ("lvd", "lvd", 1.5),
        ("baselines/heads", "mean_head", 2.0),
    ):
        write_scores(data / "evaluate" / place, scores(system, factor))
    for place, values in {
        "evaluate/glvd": {HEADLINE: 1.5},
        "evaluate/lvd": {HEADLINE: 2.0},
        "evaluate/baselines/heads/mean_head": {HEADLINE: 3.0},
        "reconstruct/glvd": {"real_photos": 2},
    }.items():
        (data / place).mkdir(parents=True, exist_ok=True)
        (data / place / "metrics.json").write_text(json.dumps(values))
    for system in ("glvd", "lvd"):
        folder = data / "train" / system
        folder.mkdir(parents=True)
        (folder / "loss.csv").write_text("step,loss,validation\n1,0.5,\n2,0.25,7\n")
    (data / "evaluate" / "glvd" / "descent.csv").write_text("step,vertex_error_mm\n0,70\n1,3.5\n")
    monkeypatch.chdir(tmp_path)
    assert figures.main() == "3 systems and baselines"
    return tmp_path


def table(project: Path, name: str) -> list[dict[str, str]]:
    with (project / "data" / "figures" / "plots" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_of_evaluation_and_photos_stand_in_one_file_a_system(project: Path) -> None:
    folder = project / "data" / "figures" / "metrics"
    found = {
        path.relative_to(folder).as_posix(): json.loads(path.read_text())
        for path in folder.rglob("*.json")
    }
    assert found == {
        "heads/glvd.json": {HEADLINE: 1.5, "real_photos": 2},
        "heads/lvd.json": {HEADLINE: 2.0},
        "heads/baselines/mean_head.json": {HEADLINE: 3.0},
    }


def test_baselines_of_one_name_and_systems_that_are_not_built_are_kept_apart(
    project: Path,
) -> None:
    params = project / "params.yaml"
    params.write_text(
        params.read_text()
        .replace("plugins: {}", f"plugins: {{toy: {TOY}}}")
        .replace("  glvd: heads\n", "  toy: fields\n  glvd: heads\n")
    )
    for place, value in (("toy", 0.25), ("baselines/fields/mean_head", 0.5), ("gone", 9.0)):
        folder = project / "data" / "evaluate" / place
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps({"rmse": value}))
    assert figures.main() == "5 systems and baselines"
    folder = project / "data" / "figures" / "metrics"
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*.json")}
    assert kept == {
        "fields/baselines/mean_head.json",
        "fields/toy.json",
        "heads/baselines/mean_head.json",
        "heads/glvd.json",
        "heads/lvd.json",
    }
    mean = json.loads((folder / "heads" / "baselines" / "mean_head.json").read_text())
    assert mean == {HEADLINE: 3.0}


def test_every_bin_of_every_system_is_a_row_with_its_interval(project: Path) -> None:
    challenge = known_challenges(load_params(project / "params.yaml"), project)["heads"]
    yaw = challenge.strata[0]
    rows = table(project, "heads_by_yaw")
    assert {row["system"] for row in rows} == {"glvd", "lvd", "mean_head"}
    for system in ("glvd", "lvd", "mean_head"):
        own = [one for one in read_all(project / "data") if one.system == system]
        wanted = bins(challenge, yaw, [one for one in own if one.test_set == "held_out"])
        shown = [row for row in rows if row["system"] == system]
        assert len(shown) == len(wanted) == 3
        for row, one in zip(shown, wanted, strict=True):
            numbers = [float(row[name]) for name in ("place", "value", "low", "high")]
            assert numbers == pytest.approx([one.place, *one.value], rel=1e-5)


def test_other_test_sets_are_in_no_chart(project: Path) -> None:
    for stratum in ("yaw", "expression", "views"):
        for row in table(project, f"heads_by_{stratum}"):
            assert float(row["value"]) < 8.0


def test_losses_have_a_chart_of_each_system_and_errors_one_of_each_challenge(
    project: Path,
) -> None:
    """Losses of two systems are not of one size: one would flatten the other."""
    for system in ("glvd", "lvd"):
        rows = table(project, f"loss_of_{system}")
        assert [(row["system"], row["place"], row["value"]) for row in rows] == [
            (system, "1", "0.5"),
            (system, "2", "0.25"),
        ]
        assert {row["low"] for row in rows} == {""}
    assert [row["value"] for row in table(project, "heads_descent")] == ["70", "3.5"]
    rows = table(project, "heads_validation")
    selected = [(row["system"], row["place"], row["value"]) for row in rows]
    assert selected == [("glvd", "2", "7"), ("lvd", "2", "7")]


def test_the_same_build_gives_the_same_bytes_and_nothing_of_a_former_one_stays(
    project: Path,
) -> None:
    folder = project / "data" / "figures"
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    figures.main()
    assert {
        path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    } == before
    shutil.rmtree(project / "data" / "evaluate" / "lvd")
    shutil.rmtree(project / "data" / "train" / "lvd")
    figures.main()
    assert not (folder / "metrics" / "heads" / "lvd.json").exists()
    assert {row["system"] for row in table(project, "heads_validation")} == {"glvd"}
    assert not (folder / "plots" / "loss_of_lvd.csv").exists()


def test_an_empty_build_has_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert figures.main() == "0 systems and baselines"
    assert table(tmp_path, "heads_by_yaw") == []


def test_an_interval_that_is_not_known_is_an_empty_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    write_scores(tmp_path / "data" / "evaluate" / "glvd", [score("glvd", "only", 1.25, 5.0)])
    monkeypatch.chdir(tmp_path)
    figures.main()
    (row,) = table(tmp_path, "heads_by_yaw")
    assert row == {"system": "glvd", "place": "5", "value": "1.25", "low": "", "high": ""}
    assert math.isclose(float(row["value"]), 1.25)


# Code of systems from outside.


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of code from outside, named "toy" in the parameters."""
    text = (PROJECT / "params.yaml").read_text().replace("plugins: {}", "plugins: {toy: outside}")
    (tmp_path / "params.yaml").write_text(text)
    folder = tmp_path / "outside"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("ONE = 1\n")
    (folder / "package" / "notes.txt").write_text("no code\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["plugin.py", "toy"])
    return folder


def hashes(plugin: Path) -> dict[str, str]:
    return dict(json.loads((plugin.parent / "data/plugins/toy/files.json").read_text()))


def test_every_file_of_a_plugin_is_hashed(plugin: Path) -> None:
    assert plugin_main() == "2 files"
    before = hashes(plugin)
    assert list(before) == ["package/__init__.py", "package/notes.txt"]
    (plugin / "package" / "notes.txt").write_text("other notes\n")
    (plugin / "package" / "__init__.py").write_text("ONE = 2\n")
    (plugin / "more.py").write_text("")
    assert plugin_main() == "3 files"
    after = hashes(plugin)
    assert not set(before.items()) & set(after.items())
    assert "more.py" in after


def test_a_comment_in_a_plugin_changes_nothing_that_stages_depend_on(plugin: Path) -> None:
    plugin_main()
    before = hashes(plugin)
    (plugin / "package" / "__init__.py").write_text('"""Words."""\n# A comment.\n\nONE = (1)\n')
    plugin_main()
    assert hashes(plugin) == before
    (plugin / "package" / "__init__.py").write_text("ONE = = 1\n")
    plugin_main()
    broken = hashes(plugin)
    assert broken != before
    (plugin / "package" / "__init__.py").write_text("ONE = = 2\n")
    plugin_main()
    assert hashes(plugin) != broken


def test_a_plugin_without_code_is_one_sentence(plugin: Path) -> None:
    (plugin / "package" / "__init__.py").unlink()
    with pytest.raises(HeadwaterError, match=r"plugins\.toy is 'outside', without a module"):
        plugin_main()
