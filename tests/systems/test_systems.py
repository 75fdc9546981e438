"""Systems are found, also outside of the repository, and all go through the same stages."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.evaluation.scores import read_scores
from headwater.report.challenges import challenge_sections
from headwater.systems import SYSTEMS, challenge_of, find_system, known_systems
from headwater.systems.listing import line, listing
from headwater.systems.settings import check_systems, training_inputs
from headwater.systems.stages import baselines_stage, evaluate_stage, photos_stage, train_stage
from headwater.upkeep.verify import verify

PROJECT = Path(__file__).resolve().parents[2]
PLUGIN = Path(__file__).with_name("toy_plugin")


@pytest.fixture(scope="module")
def params() -> Params:
    """The project's parameters with the toy system from outside."""
    own = load_params(PROJECT / "params.yaml")
    return own.model_copy(
        update={"plugins": {"toy": str(PLUGIN)}, "build": {**own.build, "toy": "fields"}}
    )


@pytest.fixture(scope="module")
def built(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which nothing but the toy was trained and judged."""
    project = tmp_path_factory.mktemp("toy")
    toy = find_system("toy", params, project)
    challenge = challenge_of(toy, params, project)
    train_stage(toy, params, project, project / "checkpoints")
    assert baselines_stage(challenge, project / "data")["sphere"] > 0
    evaluate_stage(toy, challenge, params, project)
    assert photos_stage(toy, challenge, params, project) == {}
    for name in ("train/toy", "evaluate/toy", "evaluate/baselines", "reconstruct/toy"):
        write_manifest(project / "data" / name)
    return project


def test_the_folders_hold_a_system_each() -> None:
    folders = [path.parent.name for path in (PROJECT / "headwater/systems").glob("*/__init__.py")]
    assert sorted(folders) == list(SYSTEMS)
    for name, system in SYSTEMS.items():
        assert system.name == name
        assert (PROJECT / "headwater" / "systems" / name / "README.md").is_file()
        assert next(iter(system.sizes)) == "smoke"


def test_nothing_but_its_folder_names_a_system() -> None:
    listed = subprocess.run(
        ("git", "ls-files", "headwater", "tasks", "flows", "dvc.yaml", ".dvc"),
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    named = re.compile(rf"\b({'|'.join(SYSTEMS)})\b")
    places = [
        f"{name}: {match[0]}"
        for name in listed.stdout.split()
        if not name.startswith("headwater/systems/") and not name.endswith((".js", ".html", ".md"))
        for match in named.finditer((PROJECT / name).read_text(encoding="utf-8", errors="ignore"))
    ]
    # An example in words.
    assert set(places) <= {"tasks/command.py: glvd"}


def test_a_system_from_outside_is_known_and_checked(params: Params, tmp_path: Path) -> None:
    assert set(known_systems(params, tmp_path)) == {*SYSTEMS, "toy"}
    check_systems(params, tmp_path)
    with pytest.raises(HeadwaterError, match=r"unknown system 'toi'; the nearest .* 'toy'"):
        find_system("toi", params, tmp_path)
    (tmp_path / "nothing").mkdir()
    empty = params.model_copy(update={"plugins": {"toy": "nothing"}})
    with pytest.raises(HeadwaterError, match=r"plugins\.toy .* without a package that has a"):
        known_systems(empty, tmp_path)
    (tmp_path / "twice" / "json").mkdir(parents=True)
    (tmp_path / "twice" / "json" / "__init__.py").write_text("SYSTEM = 1\n")
    twice = params.model_copy(update={"plugins": {"toy": "twice"}})
    with pytest.raises(HeadwaterError, match="there is a package of this name already"):
        known_systems(twice, tmp_path)


USING = """
import multiprocessing, sys
from importlib import import_module
from pathlib import Path
from headwater.config import load_params
from headwater.systems import find_system

if __name__ == "__main__":
    project = Path(sys.argv[1])
    params = load_params(project / "params.yaml")
    params = params.model_copy(update={"plugins": {"toy": "plugin"}})
    toy = find_system("toy", params, project)
    import_module("toy_fields.parts")
    spawned = multiprocessing.get_context("spawn")
    child = spawned.Process(target=toy.steps, args=(toy.sizes["smoke"],))
    child.start()
    child.join()
    sys.exit(child.exitcode)
"""


def test_a_folder_of_systems_is_not_changed_by_the_processes_that_use_it(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    ignored = shutil.ignore_patterns("__pycache__")
    folder = shutil.copytree(PLUGIN, tmp_path / "plugin", ignore=ignored)
    before = sorted(folder.rglob("*"))
    (tmp_path / "using.py").write_text(USING)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = (sys.executable, "using.py", str(tmp_path))
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert sorted(folder.rglob("*")) == before


def test_a_system_more_changes_no_other_training(params: Params) -> None:
    own = load_params(PROJECT / "params.yaml")
    for system in SYSTEMS.values():
        before = training_inputs(system, own, PROJECT)
        assert training_inputs(system, params, PROJECT) == before


def test_answers_that_are_no_heads_pass_scores_figures_and_verify(built: Path) -> None:
    data = built / "data"
    figures = json.loads((data / "evaluate" / "toy" / "metrics.json").read_text())
    assert (figures["subjects"], figures["failures"]) == (5, 1)
    # Ten steps leave 0.8 ** 10 of the way from the sphere, on parts that both answered.
    assert figures["rmse_ratio_to_sphere"] == pytest.approx(0.8**10, rel=1e-4)
    scores = read_scores(data / "evaluate" / "toy")
    assert {score.metric for score in scores} == {"rmse"}
    assert [score.failure for score in scores if score.value is None] == ["the part is too flat"]
    found = verify(data)
    assert found.problems == ()
    assert found.rows > 12


def test_the_report_and_the_list_show_it(params: Params, built: Path) -> None:
    (section,) = challenge_sections(built / "data", params)
    assert section.title == "Distance fields"
    ((test_set, lines),) = section.tables
    assert test_set == "parts"
    assert [(one.system, one.failures) for one in lines] == [("sphere", 0), ("Toy fields smoke", 1)]
    ((title, chart),) = section.charts
    assert (title, "Toy fields smoke" in chart) == ("flatness", True)
    ((name, groups),) = section.pictures
    assert (name, [len(one.pictures) for one in groups]) == ("Toy fields smoke", [1] * 5)
    shown = line(find_system("toy", params, built), params, built)
    assert shown[:5] == ("toy", "Toy fields", "fields", "*smoke", "yes")
    assert shown[5].startswith("RMSE 0.")
    assert listing(params, built)[0].caption == "*: the size that is built"


def test_figures_of_an_earlier_training_are_called_so(
    params: Params, built: Path, tmp_path: Path
) -> None:
    failed = tmp_path / "failed"
    shutil.copytree(built, failed)
    shutil.rmtree(failed / "data" / "train" / "toy")
    shown = line(find_system("toy", params, failed), params, failed)
    assert shown[4] == "no"
    assert re.fullmatch(r"RMSE 0\..*, of weights that are not there", shown[5])
