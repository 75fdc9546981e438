"""Inputs of the stages of a system: settings and rows, each stage on its own alone."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.artifacts.code import code_of_functions, forget
from headwater.artifacts.modules import COUNTED
from headwater.artifacts.schemas import PHOTOS
from headwater.config import Params, load_params
from headwater.data.rejections import REJECTS
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import own_challenges
from headwater.systems import SYSTEMS
from headwater.systems.settings import training_inputs
from headwater.systems.stages import train_stage
from tasks.contents import TABLES
from tasks.inputs import CONTENTS, KINDS, baseline_inputs, inputs, inputs_text, shown_text
from tasks.questions import question_texts

PROJECT = Path(__file__).resolve().parents[2]
PARAMS = load_params(PROJECT / "params.yaml")
HEADS = own_challenges()["heads"]
# Systems that learn from the same rows.
DESCENTS = ("glvd", "lvd")
GROUPS = tuple(
    f"{source}/{split}"
    for source in ("photo", "synthetic")
    for split in ("train", "validation", "test")
)


def contents() -> dict[str, Any]:
    """Hashes of the rows of all tables, each another one."""
    tables = (*TABLES, *REJECTS)
    rows = {schema.name: {group: f"{schema.name} {group}" for group in GROUPS} for schema in tables}
    return {"head_model": "model", "rows": rows, "other": {}}


def write(project: Path, content: dict[str, Any]) -> None:
    (project / CONTENTS).parent.mkdir(parents=True, exist_ok=True)
    (project / CONTENTS).write_text(json.dumps(content))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, contents())
    return tmp_path


def with_system(name: str, **changes: Any) -> Params:
    settings = PARAMS.system(name, SYSTEMS[name].sizes).model_copy(update=changes)
    return PARAMS.model_copy(update={"systems": {**PARAMS.systems, name: settings}})


def texts(name: str, params: Params, project: Path) -> dict[str, str]:
    return {kind: inputs_text(kind, name, params, project) for kind in KINDS}


def changed(
    name: str, project: Path, *, params: Params = PARAMS, content: dict[str, Any] | None = None
) -> set[str]:
    """Stages whose inputs differ with other parameters or rows."""
    before = texts(name, PARAMS, project)
    if content is not None:
        write(project, content)
    after = texts(name, params, project)
    return {kind for kind in KINDS if before[kind] != after[kind]}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_same_project_gives_the_same_text(name: str, project: Path) -> None:
    assert texts(name, PARAMS, project) == texts(name, PARAMS, project)
    for text in texts(name, PARAMS, project).values():
        assert str(project) not in text
        assert json.loads(text)["system"] == name


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_seed_trains_again_and_nothing_else(name: str, project: Path) -> None:
    assert changed(name, project, params=PARAMS.model_copy(update={"seed": 8})) == {"train"}


@pytest.mark.fault("old scores are never taken for those of other settings")
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_setting_of_training_counts_for_answers_which_may_read_it(
    name: str, project: Path
) -> None:
    slower = with_system(name, overrides={"learning_rate": 1e-5})
    assert changed(name, project, params=slower) == set(KINDS)


@pytest.mark.parametrize("name", SYSTEMS)
def test_settings_of_answers_train_nothing(name: str, project: Path) -> None:
    changes = {
        "facevision": {"smoothing_steps": 3},
        "prdl": {"fit": True},
        "spiral_gcn": {"detail": True},
    }
    own = changes.get(name, {"iterations": 3})
    answers = with_system(name, overrides={"answer": own})
    assert changed(name, project, params=answers) == {"evaluate", "reconstruct"}


@pytest.mark.parametrize("name", SYSTEMS)
def test_another_size_changes_all_and_another_system_nothing(name: str, project: Path) -> None:
    assert changed(name, project, params=with_system(name, size="smoke")) == set(KINDS)
    for other in SYSTEMS:
        if other != name:
            assert changed(name, project, params=with_system(other, size="smoke")) == set()


def edited(table: str, group: str) -> dict[str, Any]:
    content = deepcopy(contents())
    content["rows"][table][group] = "edited"
    return content


@pytest.mark.parametrize("name", DESCENTS)
@pytest.mark.parametrize(
    ("table", "group", "stages"),
    [
        ("synthesize/heads", "synthetic/train", {"train"}),
        ("synthesize/heads", "synthetic/validation", {"train"}),
        ("synthesize/heads", "synthetic/test", {"evaluate"}),
        ("landmarks/landmarks", "synthetic/train", {"train"}),
        ("landmarks/landmarks", "photo/train", {"reconstruct"}),
        ("landmarks/landmarks", "photo/test", {"reconstruct"}),
        ("cameras/cameras", "photo/train", {"reconstruct"}),
        ("sdf/samples", "synthetic/train", set()),
        # Questions about images alone.
        ("masks/masks", "synthetic/test", {"evaluate"}),
        ("cameras/cameras", "synthetic/test", {"evaluate"}),
        ("ingest/rejects", "synthetic/test", {"evaluate"}),
        ("cameras/rejects", "synthetic/train", set()),
    ],
)
def test_edited_rows_change_the_stages_that_read_them(
    name: str, table: str, group: str, stages: set[str], project: Path
) -> None:
    assert changed(name, project, content=edited(table, group)) == stages


@pytest.mark.parametrize("name", DESCENTS)
@pytest.mark.parametrize("table", ["masks/masks", "cameras/cameras"])
@pytest.mark.parametrize("estimated", [False, True])
def test_masks_and_cameras_are_read_where_a_system_learns_from_estimated_ones(
    name: str, table: str, estimated: bool, project: Path
) -> None:
    params = with_system(name, overrides={"estimated_views": estimated})
    before = inputs("train", name, params, project)
    write(project, edited(table, "synthetic/train"))
    assert (inputs("train", name, params, project) != before) == estimated


@pytest.mark.parametrize("name", DESCENTS)
def test_distances_are_read_where_a_system_pre_trains(name: str, project: Path) -> None:
    pretrained = with_system(name, overrides={"sdf_steps": 5})
    before = inputs("train", name, pretrained, project)
    assert before["rows"]["sdf/samples"]["synthetic/train"] == "sdf/samples synthetic/train"
    write(project, edited("sdf/samples", "synthetic/train"))
    assert inputs("train", name, pretrained, project) != before


@pytest.mark.parametrize(
    ("name", "table", "group", "stages"),
    [
        ("prdl", "synthesize/heads", "synthetic/train", set()),
        ("prdl", "parts/parts", "synthetic/train", {"train"}),
        ("prdl", "parts/parts", "photo/train", {"train"}),
        ("prdl", "parts/parts", "photo/test", set()),
        ("prdl", "expressions/frames", "photo/train", {"train"}),
        ("prdl", "cameras/cameras", "photo/train", {"train", "reconstruct"}),
        ("prdl", "masks/masks", "synthetic/test", {"evaluate"}),
        ("facevision", "maps/maps", "synthetic/validation", {"train"}),
        ("facevision", "maps/maps", "photo/train", {"train"}),
        ("facevision", "maps/maps", "photo/test", set()),
        ("facevision", "landmarks/landmarks", "photo/train", {"reconstruct"}),
    ],
)
def test_a_system_that_learns_from_photos_depends_on_their_rows(
    name: str, table: str, group: str, stages: set[str], project: Path
) -> None:
    assert changed(name, project, content=edited(table, group)) == stages


@pytest.mark.parametrize(("name", "table"), [("prdl", "parts/parts"), ("facevision", "maps/maps")])
def test_without_photos_it_does_not(name: str, table: str, project: Path) -> None:
    params = with_system(name, overrides={"photos": False})
    before = inputs("train", name, params, project)
    write(project, edited(table, "photo/train"))
    assert inputs("train", name, params, project) == before


@pytest.mark.parametrize("name", SYSTEMS)
def test_another_head_model_changes_all_and_another_test_set_the_evaluation(
    name: str, project: Path
) -> None:
    assert changed(name, project, content={**contents(), "head_model": "another"}) == set(KINDS)
    write(project, contents())
    other = {**contents(), "other": {"head_model": "ict", "rows": {}}}
    assert changed(name, project, content=other) == {"evaluate"}


def test_baselines_depend_on_the_heads_and_views_that_they_learn_from_and_on_questions(
    project: Path,
) -> None:
    before = baseline_inputs(HEADS, PARAMS, project)
    assert before["learned"]["rows"] == {
        table: {"synthetic/train": f"{table} synthetic/train"}
        for table in (
            *("synthesize/heads", "synthesize/frames", "synthesize/truth"),
            *("ingest/frames", "landmarks/landmarks"),
        )
    }
    for table, group, counts in (
        ("synthesize/heads", "synthetic/train", True),
        ("synthesize/heads", "synthetic/validation", False),
        ("landmarks/landmarks", "synthetic/train", True),
        ("landmarks/landmarks", "synthetic/validation", False),
        ("landmarks/landmarks", "synthetic/test", True),
        ("cameras/cameras", "synthetic/test", True),
        ("cameras/cameras", "synthetic/train", False),
        ("masks/rejects", "synthetic/test", True),
        ("sdf/samples", "synthetic/train", False),
        ("landmarks/landmarks", "photo/test", False),
    ):
        write(project, edited(table, group))
        assert (baseline_inputs(HEADS, PARAMS, project) != before) == counts, (table, group)


METRIC, STRATUM = HEADS.metrics[0], HEADS.strata[0]


@pytest.mark.fault("old scores are never taken for those of other settings")
@pytest.mark.parametrize(
    "change",
    [
        {"metrics": (replace(METRIC, name="renamed"), *HEADS.metrics[1:])},
        {"metrics": (replace(METRIC, unit="cm"), *HEADS.metrics[1:])},
        {"metrics": (replace(METRIC, lower_is_better=False), *HEADS.metrics[1:])},
        {"metrics": (*HEADS.metrics, replace(METRIC, name="one more"))},
        {"metrics": HEADS.metrics[:-1]},
        {"metrics": HEADS.metrics[::-1]},
        {"strata": (replace(STRATUM, edges=(0.0, 90.0)), *HEADS.strata[1:])},
        {"strata": (replace(STRATUM, label="turn"), *HEADS.strata[1:])},
        {"strata": HEADS.strata[:-1]},
        {"title": "Skulls"},
    ],
)
def test_what_a_challenge_says_of_its_scores_counts_for_them(
    change: dict[str, Any], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = texts("lvd", PARAMS, project)
    other = replace(HEADS, **change)
    assert baseline_inputs(other, PARAMS, project) != baseline_inputs(HEADS, PARAMS, project)
    monkeypatch.setattr("tasks.inputs.challenge_of", lambda *_: other)
    after = texts("lvd", PARAMS, project)
    assert {kind for kind in KINDS if before[kind] != after[kind]} == {"evaluate", "reconstruct"}


def test_a_table_that_is_not_counted_is_refused_by_its_name(project: Path) -> None:
    odd = replace(HEADS, reads=(PHOTOS,))
    said = "photos/photos is no table that systems and challenges may read; they may read cameras/"
    with pytest.raises(HeadwaterError, match=said):
        baseline_inputs(odd, PARAMS, project)


def test_what_pages_and_charts_show_of_a_system_is_no_input_of_its_stages() -> None:
    lvd = SYSTEMS["lvd"]
    assert shown_text(replace(lvd, title="another")) != shown_text(lvd)
    stages = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]
    for name in ("figures", "report"):
        assert {"data/questions", "data/inputs"} <= set(stages[name]["deps"])


def test_no_training_depends_on_how_claims_are_judged() -> None:
    """Else an edit of a goal's side would train all systems anew."""
    forget()
    code_of_functions((train_stage,))
    counted = {path.relative_to(PROJECT).as_posix() for path in COUNTED}
    assert "headwater/systems/system.py" in counted
    assert "headwater/evaluation/claims.py" not in counted


def test_there_is_a_file_of_questions_for_every_challenge_of_the_build(project: Path) -> None:
    found = question_texts(PARAMS, project)
    assert set(found) == set(PARAMS.build.values())
    fewer = PARAMS.model_copy(update={"build": {}})
    assert question_texts(fewer, project) == {}
    assert found == question_texts(with_system("glvd", size="smoke"), project)


@pytest.mark.fault("old weights are never taken for those of other rows")
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_code_from_outside_may_read_photos_of_its_splits_too(project: Path, split: str) -> None:
    params = PARAMS.model_copy(
        update={"plugins": {"yaw": str(PROJECT / "examples" / "yaw")}, "build": {"yaw_net": "yaw"}}
    )
    before = {kind: inputs_text(kind, "yaw_net", params, project) for kind in KINDS}
    questions = question_texts(params, project)
    # The example reads tables of rendered views alone: photos are added to one of them.
    write(project, edited("synthesize/truth", f"photo/{split}"))
    after = {kind: inputs_text(kind, "yaw_net", params, project) for kind in KINDS}
    stages = {kind for kind in KINDS if before[kind] != after[kind]}
    assert stages == ({"evaluate"} if split == "test" else {"train"})
    assert (question_texts(params, project) != questions) == (split != "validation")


def test_weights_depend_on_the_devices_that_share_their_batches() -> None:
    before = training_inputs(SYSTEMS["lvd"], PARAMS, PROJECT)
    for change in ({"devices": 2}, {"precision": "bf16"}, {"device": "cuda"}):
        lvd = PARAMS.systems["lvd"].model_copy(update=change)
        changed = PARAMS.model_copy(update={"systems": {**PARAMS.systems, "lvd": lvd}})
        assert training_inputs(SYSTEMS["lvd"], changed, PROJECT) != before
