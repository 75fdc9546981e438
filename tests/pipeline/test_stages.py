"""``dvc.yaml`` lists all code that decides what a stage writes; all stages are alike."""

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

from headwater.artifacts.schemas import STEPS
from headwater.systems import PACKAGES

PROJECT = Path(__file__).resolve().parents[2]

# They run a step and check its parameters; what it writes does not depend on them.
RUNNERS = {
    "tasks.command",
    "tasks.console",
    "tasks.lifeline",
    "tasks.workers",
    "headwater.config",
    "headwater.errors",
}


def read_stages() -> dict[str, dict[str, list[str]]]:
    """Stages of ``dvc.yaml`` with those of every system written out."""
    stages = {}
    graph = yaml.safe_load((PROJECT / "dvc.yaml").read_text())
    code = graph["vars"][0]["systems_code"]
    assert code == {name: package.replace(".", "/") for name, package in PACKAGES.items()}
    for name, stage in graph["stages"].items():
        if "foreach" not in stage:
            stages[name] = stage
            continue
        for system in PACKAGES:
            text = yaml.safe_dump(stage["do"]).replace("${key}", system)
            text = text.replace("${item}", code[system])
            stages[f"{name}@{system}"] = yaml.safe_load(text)
    return stages


def source(module: str) -> Path | None:
    """File of a module of the project, None for any other."""
    path = PROJECT.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file() and module.split(".", maxsplit=1)[0] in ("headwater", "tasks"):
            return candidate
    return None


@cache
def imported(module: str) -> frozenset[str]:
    """Modules of the project that a module names in an import, at its top or in a function."""
    names: set[str] = set()
    path = source(module)
    assert path is not None
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if source(name) is not None)


def used(modules: set[str]) -> set[str]:
    """The modules and everything that they import, without runners and empty packages."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found | RUNNERS:
            found.add(module)
            waiting += imported(module)
    return {module for module in found if has_code(module)}


def has_code(module: str) -> bool:
    """Whether a module holds more than its docstring."""
    path = source(module)
    assert path is not None
    return len(ast.parse(path.read_bytes()).body) > 1


def step_modules(name: str) -> set[str]:
    """The task of a stage, and the system that it runs (imported by name only)."""
    task, _, system = name.partition("@")
    return {f"tasks.{task}", *([f"{PACKAGES[system]}.stage_{task}"] if system else [])}


@pytest.mark.parametrize("name", read_stages())
def test_stage_depends_on_all_code_that_it_uses(name: str) -> None:
    stage = read_stages()[name]
    deps = [PROJECT / dep for dep in stage["deps"]]
    missing = []
    for module in sorted(used(step_modules(name))):
        path = source(module)
        assert path is not None
        if not any(path == dep or dep in path.parents for dep in deps):
            missing.append(str(path.relative_to(PROJECT)))
    assert not missing, f"add to deps of {name} in dvc.yaml"


@pytest.mark.parametrize("name", read_stages())
def test_every_dependency_in_the_repository_exists(name: str) -> None:
    outs = [out for stage in read_stages().values() for out in stage["outs"]]
    for dep in read_stages()[name]["deps"]:
        made = any(out == dep or out.startswith(f"{dep}/") for out in outs)
        assert made or dep.startswith("$") or (PROJECT / dep).exists(), dep


@pytest.mark.parametrize("name", STEPS)
def test_bucketed_stage_depends_on_what_enters_every_bucket_key(name: str) -> None:
    stage = read_stages()[name]
    assert {"seed", "buckets", "split", "max_reject_rate"} <= set(stage["params"])
    assert "headwater/pipeline" in stage["deps"]
    assert stage["cmd"] == f"python -m tasks.{name}"
    assert stage["outs"] == [f"data/{name}"]


@pytest.mark.parametrize("name", STEPS)
def test_bucketed_stage_depends_on_the_tables_that_its_step_reads(name: str) -> None:
    from tasks.workers import load_step

    deps = set(read_stages()[name]["deps"])
    assert {f"data/{needed.schema.step}" for needed in load_step(name).inputs} <= deps
