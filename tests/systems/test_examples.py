"""The examples of docs/systems.md: built through the stages on rendered heads, small and real."""

import json
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
import yaml

from headwater.artifacts.cameras import camera_of
from headwater.artifacts.evaluate_schemas import EXAMPLES, PICTURES
from headwater.artifacts.ids import bucket_of
from headwater.artifacts.schemas import (
    CAMERAS,
    FRAMES,
    HEADS,
    LANDMARKS,
    MASKS,
    SYNTHETIC_FRAMES,
    TRUTH,
)
from headwater.artifacts.tables import bucket_file, read_bucket, read_table, to_table, write_bucket
from headwater.config import Params, SystemSettings, load_params
from headwater.data.tables import read_model, template_of
from headwater.evaluation.challenge import Answerer, Challenge, Unanswered
from headwater.evaluation.heads.answer import HeadAnswer
from headwater.evaluation.heads.baselines import MEAN_HEAD, mean_head
from headwater.evaluation.heads.photos import PhotoQuestion
from headwater.evaluation.heads.trials import held_out_cases, read_cases
from headwater.geometry.cameras import project as project_points
from headwater.heads import store
from headwater.heads.model import HeadModel
from headwater.pipeline.step import Result, Work
from headwater.reconstruct.system import model_for_photos, system_for_photos, trained_weights
from headwater.report import build_page
from headwater.report.challenges import challenge_sections
from headwater.systems import challenge_of, find_system
from headwater.systems.settings import check_systems
from headwater.systems.stages import baselines_stage, evaluate_stage, train_stage, trained
from headwater.training.run import Run
from tasks import synthesize
from tasks.head_model import FILE
from tests.systems.test_documented_settings import fields

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES_FOLDER = PROJECT / "examples"
HEADS_BUILT = 11


@pytest.fixture(scope="module")
def params() -> Params:
    """The project's parameters with the two examples instead of its systems."""
    own = load_params(PROJECT / "params.yaml")
    rendered = {"subjects": HEADS_BUILT, "views": 2, "image_px": 64}
    smoke = SystemSettings(size="smoke", device="cpu", overrides={})
    return own.model_copy(
        update={
            "plugins": {name: str(EXAMPLES_FOLDER / name) for name in ("heads", "yaw")},
            "build": {"scaled_mean": "heads", "yaw_net": "yaw"},
            "systems": {"scaled_mean": smoke, "yaw_net": smoke},
            "synthesize": own.synthesize.model_copy(update=rendered),
            "benchmark": own.benchmark.model_copy(update={"views": 3}),
            "split": own.split.model_copy(update={"test": 0.35, "validation": 0.0}),
        }
    )


@pytest.fixture(scope="module")
def project(params: Params, anny: HeadModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the heads and views of ``params``, their true landmarks as detected ones."""
    folder = tmp_path_factory.mktemp("examples")
    store.write(folder / FILE, anny)
    items = synthesize.sources(params, folder)
    result = Result("synthesize")
    synthesize.compute(Work(0, items, {}, params, folder), result)
    rows = {schema: result.rows[schema.name] for schema in (HEADS, SYNTHETIC_FRAMES, TRUTH)}
    names = {field.name for field in LANDMARKS.arrow}
    nothing = {"landmarks_478_depth_px": [0.0] * 478}
    rest = dict.fromkeys(("eye_left", "eye_right", "mouth"), 0.0)
    rows[LANDMARKS] = [
        {**nothing, **rest, **{k: v for k, v in row.items() if k in names}} for row in rows[TRUTH]
    ]
    for schema, members in {**rows, FRAMES: [], MASKS: [], CAMERAS: []}.items():
        for bucket in range(2):
            inside = [row for row in members if bucket_of(row["subject"], 2) == bucket]
            path = folder / "data" / schema.step / schema.table / bucket_file(bucket)
            write_bucket(path, schema, to_table(schema, inside), "")
    (folder / "data" / "other_heads").mkdir()
    (folder / "data" / "other_heads" / "set.json").write_text('{"head_model": null}')
    return folder


@pytest.fixture(scope="module")
def built(params: Params, project: Path) -> Path:
    """The project with both examples trained and judged."""
    check_systems(params, project)
    for name in params.build:
        system = find_system(name, params, project)
        challenge = quick(challenge_of(system, params, project))
        train_stage(system, params, project, project / "checkpoints" / name)
        baselines_stage(challenge, project / "data")
        evaluate_stage(system, challenge, params, project)
    return project


def quick(challenge: Challenge) -> Challenge:
    """The challenge; that of heads without the landmark fit, which takes seconds to set up."""
    if challenge.name != "heads":
        return challenge

    def mean_alone(data: Path) -> dict[str, Answerer]:
        model = read_model(data)
        mean = HeadAnswer(template_of(model), mean_head(data, model))
        return {MEAN_HEAD: lambda _: mean}

    return replace(challenge, baselines=mean_alone)


def figures_of(built: Path, name: str) -> dict[str, float]:
    return json.loads((built / "data" / "evaluate" / name / "figures.json").read_text())


def test_the_scaled_mean_head_answers_every_question_about_heads(
    params: Params, built: Path
) -> None:
    figures = figures_of(built, "scaled_mean")
    assert figures["given_failures"] == 0
    assert figures["given_subjects"] >= 2
    # No image of this project went through the detectors.
    heads = figures["given_subjects"]
    assert (figures["estimated_subjects"], figures["estimated_failures"]) == (0, heads)
    assert figures["given_face_scan_to_mesh_mm"] > 0.5
    assert figures["given_face_scan_to_mesh_ratio"] < 0.9
    looks = read_bucket(built / "data/evaluate/scaled_mean/examples.parquet", EXAMPLES)
    assert set(looks.column("kind").to_pylist()) == {"best", "median", "worst"}
    page = build_page(built / "data", params).html
    assert "Scaled mean head" in page


def test_the_scaled_mean_head_has_its_landmarks_where_they_are_seen(
    params: Params, built: Path
) -> None:
    system = find_system("scaled_mean", params, built)
    model = trained(system, params, built)
    for case in read_cases(built / "data"):
        head = system.answer(model, PhotoQuestion(case.views))
        seen = case.truth.landmarks_478
        shift = model.template.landmarks_478.on(head.vertices).mean(axis=0) - seen.mean(axis=0)
        assert np.linalg.norm(shift) < 10.0
        hidden = case.views.choose(np.array([0]))
        hidden.landmarks_478_px[:] = np.nan
        with pytest.raises(Unanswered, match="no view has landmarks"):
            system.answer(model, PhotoQuestion(hidden))


def test_its_own_setting_changes_answers_alone(params: Params, built: Path) -> None:
    system = find_system("scaled_mean", params, built)
    weights = built / "data" / "train" / "scaled_mean" / "weights.safetensors"
    config = system.sizes["smoke"]
    fixed = config.model_copy(
        update={"answer": config.answer.model_copy(update={"largest_change": 0.0})}
    )
    assert fixed.of_training() == config.of_training()
    (case,) = held_out_cases(built / "data", 1)
    views, sizes = case.views, []
    for one in (config, fixed):
        head = system.answer(system.load(weights, one, "cpu"), PhotoQuestion(views))
        sizes.append(np.ptp(head.vertices.astype(np.float64), axis=0))
    mean = system.load(weights, fixed, "cpu").mean
    assert np.linalg.norm(sizes[1]) == pytest.approx(np.linalg.norm(np.ptp(mean, axis=0)), rel=0.02)
    assert not np.allclose(sizes[0], sizes[1], rtol=1e-4)


def test_a_head_of_a_photo_has_the_settings_of_the_project(params: Params, built: Path) -> None:
    raw = params.model_dump(mode="json")
    raw["systems"]["scaled_mean"]["overrides"] = {"answer": {"largest_change": 0.03125}}
    (built / "params.yaml").write_text(yaml.safe_dump(raw))
    system = system_for_photos(None, built)
    assert system.name == "scaled_mean"
    model = model_for_photos(system, trained_weights(None, system, built), None, built)
    assert model.largest_change == 0.03125
    assert len(model.template.mean) == len(model.mean)


def test_the_yaw_network_learns_and_is_shown(params: Params, built: Path) -> None:
    figures = figures_of(built, "yaw_net")
    assert figures["failures"] == 0
    assert figures["yaw_error_ratio_to_mean_yaw"] < 1.0
    pictures = read_bucket(built / "data/evaluate/yaw_net/pictures.parquet", PICTURES)
    assert pictures.num_rows == 2 * figures["subjects"]
    (section,) = challenge_sections(built / "data", params)
    assert section.title == "Head yaw"
    ((_, lines),) = section.tables
    assert [one.system for one in lines] == ["mean yaw", "Yaw network smoke"]
    ((_, shown),) = section.pictures
    assert len(shown) == pictures.num_rows


def test_the_yaw_network_goes_on_from_a_checkpoint_to_the_same_bytes(
    params: Params, built: Path, tmp_path: Path
) -> None:
    system = find_system("yaw_net", params, built)
    config = system.sizes["smoke"].model_copy(update={"steps": 110})
    data, weights = built / "data", tmp_path / "weights.safetensors"
    whole = system.train(config, data, Run(7, tmp_path / "one"), weights)
    kept = weights.read_bytes()
    for last in (tmp_path / "one").glob("step-00000110*"):
        last.unlink()
    again = system.train(config, data, Run(7, tmp_path / "one"), weights)
    assert (again, weights.read_bytes()) == (whole, kept)
    assert [record["step"] for record in whole][-2:] == [100, 110]


def test_every_setting_of_the_examples_is_documented(params: Params, project: Path) -> None:
    for name in params.build:
        for config in find_system(name, params, project).sizes.values():
            assert all(about and about.endswith(".") for _, about in fields(type(config)))


def test_the_guide_names_files_that_are_there_and_plugins_that_are_the_examples() -> None:
    guide = (PROJECT / "docs" / "systems.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((\.\./[^)#]+)\)", guide)
    assert {f"../examples/{name}" for name in ("heads", "yaw")} <= {
        "/".join(one.split("/")[:3]) for one in linked
    }
    for one in linked:
        assert (PROJECT / "docs" / one).exists(), one
    for folder in ("heads", "yaw"):
        assert f"examples/{folder}" in guide


def test_every_name_of_the_guide_is_in_its_module() -> None:
    guide = (PROJECT / "docs" / "systems.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+) \| `(headwater[\w.]+)` \|", guide, re.MULTILINE)
    named = {name for names, _ in rows for name in re.findall(r"`(\w+)`", names)}
    assert {"Plan", "Turn", "Run", "Unanswered", "place_views"} <= named
    for names, module in rows:
        for name in re.findall(r"`(\w+)`", names):
            assert hasattr(import_module(module), name), f"{module}.{name}"


def test_the_tables_of_the_examples_are_read_by_split(project: Path) -> None:
    splits = set(read_table(project / "data", HEADS, ["split"]).column("split").to_pylist())
    assert splits == {"train", "test"}


def test_the_snippet_on_landmarks_of_a_mesh_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (PROJECT / "docs" / "artifacts.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(project)
    names: dict[str, Any] = {}
    exec(snippet, names)
    assert names["landmarks_478"].shape == (478, 3)
    truth = read_table(project / "data", TRUTH, None).to_pylist()
    head = read_table(project / "data", HEADS, ["item", "split"], pc.field("split") == "train")
    row = next(one for one in truth if one["subject"] == head.column("item")[0].as_py())
    projected, _ = project_points(camera_of(row), names["landmarks_68"])
    exact = np.reshape(row["landmarks_68_px"], (68, 2))
    np.testing.assert_allclose(projected, exact, atol=1e-3)
