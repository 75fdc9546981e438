"""The systems of a build are chosen on make's command line, and outputs of no others stay."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.build_in_params import with_build
from flows.systems import choose_systems, drop_unbuilt
from headwater.config import load_params
from headwater.errors import HeadwaterError
from headwater.systems import SYSTEMS
from tests.flows.conftest import PROJECT, ToyProject
from tests.systems.test_systems import PLUGIN

KNOWN = ", ".join(SYSTEMS)

# A stage for each system; its file tells by its time whether it ran.
EACH = """
  each:
    foreach: ${build}
    do:
      cmd: mkdir -p data/each/${key} && echo ${key} >data/each/${key}/name && echo >>ran-${key}
      deps:
        - data/numbers
      outs:
        - data/each/${key}
"""

PLUGIN_STAGE = (
    EACH.replace("  each:", "  plugin:").replace("data/each", "data/plugin")
    .replace("{build}", "{plugins}").replace("ran-", "read-")
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the project's own params.yaml."""
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    return tmp_path


def test_a_system_is_chosen_and_nothing_else_of_the_file_changes(folder: Path) -> None:
    before = (folder / "params.yaml").read_text()
    assert choose_systems(folder, "lvd")
    after = (folder / "params.yaml").read_text()
    assert yaml.safe_load(after) == {**yaml.safe_load(before), "build": {"lvd": "heads"}}
    assert set(after.splitlines()) < set(before.splitlines())
    assert not choose_systems(folder, "lvd")
    assert choose_systems(folder, " glvd, lvd")
    assert (folder / "params.yaml").read_text() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"systems": {"lvd": {"size": "huge", "device": "cpu", "overrides": {}}}}, "lvd.size is"),
        ({"split": {"test": 0.0, "validation": 0.0}}, "nobody to judge lvd on"),
        ({"plugins": {"mine": "orphan"}}, "orphan: there is no challenge 'nothing'"),
    ],
)
def test_what_no_build_can_have_is_refused_before_it_is_written(
    folder: Path, change: dict[str, Any], said: str
) -> None:
    package = folder / "orphan" / "orphan"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from dataclasses import replace\n"
        "from headwater.systems.lvd import SYSTEM as LVD\n"
        "SYSTEM = replace(LVD, name='orphan', challenge='nothing')\n"
    )
    path = folder / "params.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**settings, **change}), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(HeadwaterError, match=said):
        choose_systems(folder, "orphan" if "plugins" in change else "lvd")
    assert path.read_bytes() == before


def test_all_is_every_system_after_those_of_the_build(folder: Path) -> None:
    own = list(load_params(folder / "params.yaml").build)
    choose_systems(folder, "all")
    build = yaml.safe_load((folder / "params.yaml").read_text())["build"]
    assert build == {name: system.challenge for name, system in SYSTEMS.items()}
    assert list(build)[: len(own)] == own
    assert next(iter(own)) != min(SYSTEMS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a: 1\nbuild: {b: heads}  # why\nc: 2\n",
            "a: 1\nbuild: {x: views, y: clips}  # why\nc: 2\n",
        ),
        (
            "build:\n    b: heads   # last\n\n# next\nc: 2\n",
            "build:\n    x: views\n    y: clips\n    # b: heads   # last\n\n# next\nc: 2\n",
        ),
        (
            "build:  # these\n  # of heads\n  b: heads\n\n  # seen\n  x: heads  # old\n  # end\n",
            "build:  # these\n  # of heads\n\n  # seen\n  x: views  # old\n  y: clips\n  # end\n",
        ),
        (
            "build:\n  # clips\n  'y': clips # y\n  # mine\n  x: views # x\n",
            "build:\n  # mine\n  x: views # x\n  # clips\n  'y': clips # y\n",
        ),
        ("build:\r\n  b: heads\r\nc: 2\r\n", "build:\r\n  x: views\r\n  y: clips\r\nc: 2\r\n"),
        ("build:\n  ? b\n  : heads\n", "build:\n  x: views\n  y: clips\n"),
        ("build:\n  ? x\n  : heads\n", "build:\n  ? x\n  : views\n  y: clips\n"),
        ("build:\n  b: >-\n    heads\n  x: views", "build:\n  x: views\n  y: clips"),
        ("build:\n  b:\n    heads\n", "build:\n  x: views\n  y: clips\n"),
        ("build:\n  <<: {b: heads}\n  x: views\n", "build:\n  x: views\n  y: clips\n"),
        ("build: {}\n", "build: {x: views, y: clips}\n"),
        ('{"a": 1, "build": {"b": "heads"}}\n', '{"a": 1, "build": {x: views, y: clips}}\n'),
    ],
)
def test_any_form_of_the_list_is_replaced(text: str, expected: str) -> None:
    assert with_build(text, {"x": "views", "y": "clips"}) == expected


@pytest.mark.parametrize(
    "form",
    [
        "? build\n: ? glvd\n  : heads\n",
        "build:\n  glvd: |-\n    heads\n",
        "build: {\n  glvd: heads,  # why\n}\n",
        "build: {? glvd : heads, # why\n}\n",
    ],
)
def test_a_form_that_cannot_be_rewritten_is_refused_and_stays(folder: Path, form: str) -> None:
    path = folder / "params.yaml"
    before, after = re.split(r"build: .*\n  glvd: heads\n  lvd: heads\n", path.read_text())
    path.write_text(before + form + after)
    assert load_params(path).build["glvd"] == "heads"
    content = path.read_bytes()
    with pytest.raises(HeadwaterError) as refused:
        choose_systems(folder, "lvd")
    assert str(refused.value) == (
        f"{path}: BUILD=lvd cannot be written into build in the form that it has; "
        "write it there as build: {lvd: heads}"
    )
    assert path.read_bytes() == content


def test_the_files_line_ends_stay(folder: Path) -> None:
    path = folder / "params.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    choose_systems(folder, "lvd")
    assert path.read_bytes() == before.replace(b"  glvd: heads\r\n", b"")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            "glvf",
            f"BUILD=glvf: unknown system 'glvf'; the nearest known one is 'glvd' of {KNOWN}",
        ),
        ("glvd,al", "BUILD=glvd,al: unknown system 'al'"),
        (",", "BUILD=,: names no system; there are "),
        ("", "BUILD=: names no system; there are "),
    ],
)
def test_a_name_that_is_none_is_refused_and_changes_nothing(
    folder: Path, names: str, message: str
) -> None:
    before = (folder / "params.yaml").read_bytes()
    with pytest.raises(HeadwaterError) as refused:
        choose_systems(folder, names)
    assert str(refused.value).startswith(message)
    assert (folder / "params.yaml").read_bytes() == before


def make(project: ToyProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make with the project's own rule for ``repro``."""
    rule = (PROJECT / "Makefile").read_text().partition("\nrepro:")[2].partition("\n\n")[0]
    command = next(line for line in rule.splitlines() if "-m flows" in line)
    (project.path / "Makefile").write_text(f"PY := python\nrepro:\n{command}\n")
    return project.run("make", "--silent", "repro", *arguments)


def unbuilt(folder: Path, *paths: str) -> None:
    """Record a stage of a system that is not built for every path, where a file lies."""
    shutil.copy(PROJECT / "dvc.yaml", folder)
    (folder / ".dvc" / "tmp").mkdir(parents=True)
    outs = {f"train@gone{n}": path for n, path in enumerate(paths)}
    stages = {
        name: {"cmd": "", "outs": [{"path": path, "md5": f"{'0' * 32}.dir"}]}
        for name, path in outs.items()
    }
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    for path in paths:
        (folder / path).mkdir(parents=True, exist_ok=True)
        (folder / path / "file").touch()


@pytest.mark.fault("nothing but outputs below data/ is removed, whatever dvc.lock says")
def test_of_systems_that_are_not_built_only_data_is_removed(folder: Path) -> None:
    unbuilt(folder, "data/train/gone", ".git", "data2/train", "photos", "data", "data/.")
    (folder / "data" / "photos").mkdir()
    drop_unbuilt(folder, load_params(folder / "params.yaml"))
    assert not (folder / "data" / "train" / "gone").exists()
    assert (folder / "data" / "photos").exists()
    assert all((folder / kept / "file").exists() for kept in (".git", "data2/train", "photos"))
    assert yaml.safe_load((folder / "dvc.lock").read_text())["stages"] == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files immutable")
def test_data_that_cannot_be_removed_stays_on_record(folder: Path) -> None:
    unbuilt(folder, "data/train/gone")
    kept = folder / "data" / "train" / "gone" / "file"
    if subprocess.run(("chattr", "+i", str(kept)), check=False).returncode:
        pytest.skip("this file system knows no immutable files")
    try:
        with pytest.raises(PermissionError, match="file"):
            drop_unbuilt(folder, load_params(folder / "params.yaml"))
    finally:
        subprocess.run(("chattr", "-i", str(kept)), check=True)
    assert "train@gone0" in (folder / "dvc.lock").read_text()


@pytest.mark.slow  # Three builds of the toy; what is dropped is tested above.
def test_a_system_no_longer_built_leaves_nothing_and_comes_back_from_the_cache(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    with (project.path / "dvc.yaml").open("a") as graph:
        graph.write(EACH)
    assert make(project, "BUILD=glvd,lvd").returncode == 0
    both = project.bytes()
    assert {path.name for path in (project.path / "data" / "each").iterdir()} == {"glvd", "lvd"}

    done = make(project, "BUILD=lvd")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("params.yaml: build is lvd now, and stays so\n")
    assert [path.name for path in (project.path / "data" / "each").iterdir()] == ["lvd"]
    left = set(project.bytes()["dvc.lock"]["stages"])
    assert left == set(both["dvc.lock"]["stages"]) - {"each@glvd"}
    assert project.dvc("status", "--quiet").returncode == 0

    done = make(project, "BUILD=glvd,lvd")
    assert (done.returncode, done.stderr) == (0, "")
    assert project.bytes() == both
    ran = [len((project.path / f"ran-{name}").read_text()) for name in ("glvd", "lvd")]
    assert ran == [1, 1]


@pytest.mark.slow  # The same words as above, after the five seconds in which a build starts.
def test_an_unknown_system_is_refused_on_makes_command_line(toy: ToyProject) -> None:
    done = make(toy, "BUILD=glvdd")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == (
        f"error: BUILD=glvdd: unknown system 'glvdd'; the nearest known one is 'glvd' of {KNOWN}"
    )


@pytest.mark.slow
def test_a_system_that_has_the_name_of_its_plugin_leaves_nothing_either(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    with (project.path / "dvc.yaml").open("a") as graph:
        graph.write(EACH + PLUGIN_STAGE)
    shutil.copytree(PLUGIN, project.path / "toy")
    own = (project.path / "params.yaml").read_text()
    params = yaml.safe_load(own)
    params |= {"plugins": {"toy": "toy"}, "build": {"toy": "fields", "lvd": "heads"}}
    (project.path / "params.yaml").write_text(yaml.safe_dump(params))
    assert make(project).returncode == 0
    assert (project.path / "data" / "each" / "toy").is_dir()

    done = make(project, "BUILD=lvd")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (project.path / "data" / "each").iterdir()] == ["lvd"]
    assert [path.name for path in (project.path / "data" / "plugin").iterdir()] == ["toy"]
    stages = set(project.bytes()["dvc.lock"]["stages"])
    assert {"plugin@toy", "each@lvd"} <= stages
    assert "each@toy" not in stages


@pytest.mark.slow
def test_a_device_that_is_not_there_is_refused_before_good_weights_are_removed(
    copy_of_built: Callable[[], ToyProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # a machine that has CUDA shows none either
    project = copy_of_built()
    with (project.path / "dvc.yaml").open("a") as graph:
        graph.write(EACH.replace("  each:", "  train:").replace("data/each", "data/train"))
    assert make(project).returncode == 0
    weights = project.path / "data" / "train" / "lvd" / "name"
    params = yaml.safe_load((project.path / "params.yaml").read_text())
    params["systems"] = {"lvd": {"size": "smoke", "device": "cuda", "overrides": {}}}
    params["seed"] += 1
    (project.path / "params.yaml").write_text(yaml.safe_dump(params))

    done = make(project)
    assert done.returncode == 2
    assert "params.yaml: systems.lvd.device is 'cuda'" in done.stderr
    assert weights.read_text() == "lvd\n"
    assert (project.path / "ran-lvd").read_text() == "\n"
