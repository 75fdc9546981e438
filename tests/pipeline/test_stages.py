"""Every stage of ``dvc.yaml`` depends on the code that it executes and on what it reads."""

import re
from pathlib import Path

import pytest
import yaml

from headwater.artifacts.schemas import STEPS
from headwater.config import Params
from headwater.systems import SYSTEMS as OWN
from tasks.inputs import KINDS
from tasks.recorded_code import step_roots

PROJECT = Path(__file__).resolve().parents[2]
SYSTEMS = {f"{stage}@{system}" for stage in KINDS for system in OWN}


def read_stages() -> dict[str, dict[str, list[str]]]:
    """Stages of ``dvc.yaml`` with those of every system written out."""
    stages = {}
    graph = yaml.safe_load((PROJECT / "dvc.yaml").read_text())
    built = yaml.safe_load((PROJECT / "params.yaml").read_text())["build"]
    build = {name: system.challenge for name, system in OWN.items()}
    assert built.items() <= build.items()
    for name, stage in graph["stages"].items():
        if "foreach" not in stage:
            stages[name] = stage
            continue
        if stage["foreach"] == "${plugins}":
            text = yaml.safe_dump(stage["do"]).replace("${key}", "toy")
            stages[f"{name}@toy"] = yaml.safe_load(text)
            continue
        assert stage["foreach"] == "${build}"
        for system, challenge in build.items():
            text = yaml.safe_dump(stage["do"]).replace("${key}", system)
            stages[f"{name}@{system}"] = yaml.safe_load(text.replace("${item}", challenge))
    return stages


@pytest.mark.fault("an edit makes exactly its users stale, and a comment nothing")
@pytest.mark.parametrize("name", sorted(set(read_stages()) - SYSTEMS - {"code"}))
def test_stage_depends_on_the_code_that_it_executes(name: str) -> None:
    step = name.partition("@")[0]
    assert f"data/code/{step}.json" in read_stages()[name]["deps"]
    assert step in dict(step_roots(PROJECT / "tasks"))


@pytest.mark.fault("an edit makes exactly its users stale, and a comment nothing")
@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_stage_of_a_system_depends_on_its_inputs_alone(name: str) -> None:
    kind, _, system = name.partition("@")
    stage = read_stages()[name]
    assert f"data/inputs/{system}/{kind}.json" in stage["deps"]
    assert not [dep for dep in stage["deps"] if not dep.startswith("data/")]
    assert "params" not in stage
    assert {"headwater", "data/contents"} <= set(read_stages()[f"inputs@{system}"]["deps"])


def test_hashes_of_code_are_taken_over_all_code() -> None:
    assert {"headwater", "tasks"} <= set(read_stages()["code"]["deps"])


def _outs() -> list[str | dict[str, object]]:
    return [out for stage in read_stages().values() for out in stage["outs"]]


@pytest.mark.parametrize("name", read_stages())
def test_every_dependency_in_the_repository_exists(name: str) -> None:
    outs = [str(next(iter(out))) if isinstance(out, dict) else out for out in _outs()]
    for dep in read_stages()[name]["deps"]:
        made = any(
            out == dep or out.startswith(f"{dep}/") or dep.startswith(f"{out}/") for out in outs
        )
        assert made or dep.startswith("$") or (PROJECT / dep).exists(), dep


@pytest.mark.parametrize("name", STEPS)
def test_bucketed_stage_depends_on_what_enters_every_bucket_key(name: str) -> None:
    stage = read_stages()[name]
    assert {"seed", "buckets", "split", "max_reject_rate"} <= set(stage["params"])
    assert stage["cmd"] == f"python -m tasks.{name}"
    assert stage["outs"] == [f"data/{name}"]


@pytest.mark.parametrize("name", STEPS)
def test_bucketed_stage_depends_on_the_tables_that_its_step_reads(name: str) -> None:
    from tasks.workers import load_step

    deps = set(read_stages()[name]["deps"])
    assert {f"data/{needed.schema.step}" for needed in load_step(name).inputs} <= deps


@pytest.mark.parametrize("folder", ["report", "viewer"])
def test_report_depends_on_every_file_of_its_page_that_is_no_code(folder: str) -> None:
    deps = [PROJECT / dep for dep in read_stages()["report"]["deps"]]
    files = [path for path in (PROJECT / "headwater" / folder).rglob("*") if path.is_file()]
    pages = [path for path in files if path.suffix not in (".py", ".pyc")]
    assert pages
    for path in pages:
        assert any(path == dep or path.is_relative_to(dep) for dep in deps), path


@pytest.mark.parametrize(
    "name",
    [name for name, stage in read_stages().items() if "params" in stage and name not in STEPS],
)
def test_stage_depends_on_the_parameters_that_its_file_reads(name: str) -> None:
    source = (PROJECT / "tasks" / f"{name.partition('@')[0]}.py").read_text(encoding="utf-8")
    read = re.findall(r"\bparams\.([a-z_]+)\.?([a-z_]*)", source)
    # A group that a copy replaces is not read.
    settings = {tuple(filter(None, one)) for one in read if one[1] != "model_copy"}
    known = [tuple(one.split(".")) for one in read_stages()[name]["params"]]
    kept = {one for one in settings if one[0] in Params.model_fields}
    assert [one for one in kept if not any(one[: len(key)] == key for key in known)] == []
