"""``headwater verify`` holds what is there against what was recorded and what the graph names."""

import shutil
from pathlib import Path

import pytest
import yaml

from headwater.artifacts import schemas
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.tables import bucket_file, to_table, write_bucket
from headwater.cli import main
from headwater.errors import HeadwaterError
from headwater.upkeep.recorded import md5_of_folder
from headwater.upkeep.verify import Problem, verify
from tests.artifacts.small_build import build
from tests.upkeep.dvc_project import start_dvc


def record(project: Path) -> None:
    """Write the lock that DVC would write; its MD5s are tested against DVC elsewhere."""
    folders = sorted(path.parent for path in (project / "data").rglob(".manifest.json"))
    names = [folder.relative_to(project).as_posix() for folder in folders]
    outs = {name: {"path": name, "md5": md5_of_folder(project / name)[0]} for name in names}
    stages = {
        name.removeprefix("data/"): {"cmd": "true", "outs": [out]} for name, out in outs.items()
    }
    (project / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("recorded") / "project"
    build(project / "data")
    record(project)
    return project


@pytest.fixture
def project(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "project"))


def test_a_whole_build_is_sound(project: Path) -> None:
    found = verify(project / "data")
    assert (found.problems, found.recorded) == ((), True)


@pytest.mark.fault("verify names what is absent")
def test_every_output_that_is_absent_is_named(project: Path) -> None:
    """As after a ``dvc pull`` that was refused half way."""
    outputs = sorted(path.parent for path in (project / "data").rglob(".manifest.json"))
    for output in outputs[1:]:
        shutil.rmtree(output)
    problems = verify(project / "data").problems
    assert [problem.path for problem in problems] == outputs[1:]
    stage = outputs[1].relative_to(project / "data")
    message = f"is missing; {stage} made it, as dvc.lock has it; run `make repro`"
    assert problems[0] == Problem(outputs[1], message)


@pytest.mark.fault("verify names what is absent")
def test_a_build_that_is_not_the_recorded_one_is_named(project: Path) -> None:
    """Its manifest vouches for it, and yet it is another build's."""
    step = project / "data" / "masks"
    path = step / schemas.MASKS.table / bucket_file(0)
    write_bucket(path, schemas.MASKS, to_table(schemas.MASKS, []), "key")
    write_manifest(step)
    (problem,) = verify(project / "data").problems
    assert problem == Problem(step, "is not what masks made, as dvc.lock has it; run `make repro`")


def test_damage_is_named_once(project: Path) -> None:
    victim = project / "data" / "masks" / schemas.MASKS.table / bucket_file(1)
    victim.write_bytes(victim.read_bytes()[:-1])
    (problem,) = verify(project / "data").problems
    assert problem.path == victim


@pytest.mark.fault("verify names what is absent")
def test_a_folder_without_record_is_checked_and_not_called_complete(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "dvc.lock").unlink()
    assert not verify(project / "data").recorded
    with pytest.raises(SystemExit) as end:
        main(["verify", "--data", str(project / "data")])
    assert end.value.code == 0
    assert "no dvc.lock beside it says whether that is all" in capsys.readouterr().out


def test_a_damaged_record_is_named(project: Path) -> None:
    (project / "dvc.lock").write_text("stages: [")
    with pytest.raises(HeadwaterError, match=r"dvc\.lock: is not as DVC writes it"):
        verify(project / "data")


@pytest.mark.fault("verify names what is absent")
def test_stages_that_were_never_built_are_named(project: Path) -> None:
    start_dvc(project)
    stages = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    graph = {
        name.replace("/", "-"): {"cmd": "true", "outs": [out["path"] for out in stage["outs"]]}
        for name, stage in stages.items()
        if "/" not in name
    }
    more = {"foreach": ["one", "two"], "do": {"cmd": "true", "outs": ["data/more/${item}"]}}
    graph_file = project / "dvc.yaml"
    graph_file.write_text(yaml.safe_dump({"stages": {**graph, "more": more}}))
    assert verify(project / "data").problems == tuple(
        Problem(graph_file, f"stage more@{name} has not been built; run `make repro`")
        for name in ("one", "two")
    )
    graph_file.write_text("stages: 3")
    (problem,) = verify(project / "data").problems
    assert problem == Problem(graph_file, "'./dvc.yaml' validation failed.")
