"""Rules that hold for the project as a whole: imports, pins, sizes of files."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from headwater.config import load_params

PROJECT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path for folder in ("headwater", "tasks", "flows") for path in (PROJECT / folder).rglob("*.py")
)
HEAVY = ("anny", "cv2", "dvc", "embreex", "igl", "mediapipe", "prefect")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter inside the project."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_point_downwards_and_heavy_packages_stay_behind_their_adapters() -> None:
    run = python("from importlinter.cli import lint_imports; raise SystemExit(lint_imports())")
    assert run.returncode == 0, run.stdout + run.stderr


TRAIN_WITHOUT = f"""
import importlib, importlib.machinery, pkgutil

find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *rest: None if name.split(".")[0] in {HEAVY!r} else find(name, *rest)
)
for name in ("systems", "networks", "data", "training", "metrics", "artifacts"):
    package = importlib.import_module(f"headwater.{{name}}")
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
        print(found.name)
"""


def test_training_needs_no_heavy_package() -> None:
    run = python(TRAIN_WITHOUT)
    assert run.returncode == 0, run.stderr
    assert "headwater.systems.glvd.train" in run.stdout.split()


def test_the_command_starts_without_heavy_packages() -> None:
    run = python(
        "import sys, headwater.cli; print('torch' in sys.modules, 'pyarrow' in sys.modules)"
    )
    assert run.stdout.split() == ["False", "False"], run.stderr


# What follows is pinned for those who install these extras; tests run with or without them.
# Which dask needs before Python 3.12 alone.
OF_OLDER_PYTHON = {"importlib-metadata", "lazy-importer", "zipp"}
PLACES = "# The extras s3, ssh and dask bring these besides"


def pins() -> dict[str, str]:
    """Pinned versions of what every environment of a developer has."""
    return pins_in((PROJECT / "constraints.txt").read_text(encoding="utf-8").split(PLACES)[0])


def pins_of_places() -> dict[str, str]:
    """Pinned versions of what the extras for other machines bring besides."""
    return pins_in((PROJECT / "constraints.txt").read_text(encoding="utf-8").split(PLACES)[1])


def pins_in(text: str) -> dict[str, str]:
    return dict(line.split("==") for line in text.splitlines() if re.match("[A-Za-z0-9]", line))


def extras() -> dict[str, list[Requirement]]:
    content = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = content["project"]["optional-dependencies"]
    return {name: [Requirement(text) for text in texts] for name, texts in listed.items()}


def requirements() -> list[Requirement]:
    content = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return [Requirement(text) for text in content["project"]["dependencies"]] + extras()["dev"]


# The oldest of each series; 3.11.2 is Debian 12's own.
VERSION = {
    full: {"python_version": full.rpartition(".")[0]} for full in ("3.11.0", "3.11.2", "3.12.0")
}


def closure(*more: Requirement) -> set[str]:
    """Names of everything that the requirements bring into this environment."""
    found: set[str] = set()
    open_ends = [(needed.name, needed.extras) for needed in (*requirements(), *more)]
    seen = set()
    while open_ends:
        name, extras = open_ends.pop()
        key = (canonicalize_name(name), frozenset(extras))
        if key in seen:
            continue
        seen.add(key)
        found.add(canonicalize_name(name))
        for text in distribution(name).requires or ():
            needed = Requirement(text)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *extras)):
                open_ends.append((needed.name, needed.extras))
    return found


def needed_by_other_pythons() -> set[str]:
    """Names of what these packages need besides in another Python that the README names."""
    found = set()
    here = closure()
    for name in here:
        for needed in map(Requirement, distribution(name).requires or ()):
            if needed.marker and any(
                needed.marker.evaluate({"extra": "", "python_full_version": full, **VERSION[full]})
                for full in VERSION
            ):
                found.add(canonicalize_name(needed.name))
    return found - here


def test_every_requirement_stands_once() -> None:
    names = [canonicalize_name(needed.name) for needed in requirements()]
    assert sorted(names) == sorted(set(names))


def test_constraints_pin_everything_and_nothing_else() -> None:
    pinned = {canonicalize_name(name) for name in pins()}
    needed = closure() | needed_by_other_pythons()
    # Torch for GPUs alone brings them.
    of_cuda = {name for name in pinned if name.startswith(("nvidia-", "cuda-", "triton"))}
    assert needed | of_cuda == pinned


def test_extras_for_other_machines_are_pinned_with_all_that_they_bring() -> None:
    pinned = {canonicalize_name(name): pin for name, pin in pins_of_places().items()}
    direct = [needed for name in ("s3", "ssh", "dask") for needed in extras()[name]]
    for requirement in direct:
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier
    assert not set(pinned) & {canonicalize_name(name) for name in pins()}
    try:
        brought = closure(*direct) - closure()
    except PackageNotFoundError as error:
        pytest.skip(f"the extras s3, ssh and dask are not installed: no {error.name}")
    if sys.version_info >= (3, 12):
        brought |= OF_OLDER_PYTHON
    assert brought == set(pinned)


def test_this_environment_has_the_pinned_versions() -> None:
    here = closure()
    other = {
        name: version(name)
        for name, pinned in pins().items()
        if canonicalize_name(name) in here and version(name).split("+")[0] != pinned
    }
    assert other == {}


def test_pins_fit_the_requirements() -> None:
    pinned = {canonicalize_name(name): pin for name, pin in pins().items()}
    for requirement in requirements():
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier


def test_everything_imported_is_a_requirement() -> None:
    modules = packages_distributions()
    needed = [*requirements(), *(one for listed in extras().values() for one in listed)]
    allowed = {canonicalize_name(requirement.name) for requirement in needed}
    ours = {"headwater", "tasks", "flows", *sys.stdlib_module_names}
    missing = {
        f"{path.relative_to(PROJECT)}: {name}"
        for path in SOURCES
        for name in imported(path)
        if name not in ours
        # Of an extra that is not installed, the module has the package's name.
        and not allowed & {canonicalize_name(found) for found in modules.get(name, (name,))}
    }
    assert missing == set()


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_only_one_package_is_cv2() -> None:
    for name in ("opencv-python", "opencv-python-headless"):
        with pytest.raises(PackageNotFoundError):
            distribution(name)


@pytest.mark.slow  # The builds of tests/flows start it, and say less of why it does not start.
def test_pins_name_no_place() -> None:
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[0-9A-Za-z.]+", line)
        assert "/" not in line


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 60, node.name


QUESTION = re.compile(r"(What|Where|How|Which|Whether|Why|Who|Whose)\b")


def test_docstrings_say_what_a_thing_is_or_does() -> None:
    questions = {
        f"{path.relative_to(PROJECT)}: {text}"
        for path in SOURCES
        for text in docstrings(path)
        if QUESTION.match(text)
    }
    assert questions == set()


# Words of a story, which say nothing of the thing itself.
STORY = re.compile(r"(^|_)(found|asked|told|made|honest)(_|$)")


def test_names_tell_no_story() -> None:
    names = {
        f"{path.relative_to(PROJECT)}: {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
        and STORY.search(re.sub(r"(?<=[a-z])([A-Z])", r"_\1", node.name).lower())
    }
    assert names == set()


def docstrings(path: Path) -> list[str]:
    """First lines of a file's docstrings, of fields too."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [
        statement.value.value.strip().partition("\n")[0]
        for node in nodes
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        for statement in node.body
        if isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    ]


def test_the_readme_shows_every_stage_in_its_diagram_and_its_table() -> None:
    stages = set(yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
    section = (PROJECT / "README.md").read_text(encoding="utf-8").split("## What a build does")[1]
    _, diagram, rest = section.split("```", 2)
    # Of settings and code alone, which no arrow shows.
    assert set(re.findall(r"[a-z_]+", diagram)) == stages - {"code", "plugin", "reads"}
    rows = re.findall(r"^\| ([a-z_, ]+) \|", rest.split("\n## ")[0], re.MULTILINE)
    assert {name for row in rows[1:] for name in row.split(", ")} == stages


def test_continuous_integration_runs_the_documented_command() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "headwater/systems/glvd/README.md"])
def test_documented_experiments_can_be_run_one_after_the_other(page: str, tmp_path: Path) -> None:
    from dvc.utils.hydra import apply_overrides

    path = tmp_path / "params.yaml"
    path.write_text((PROJECT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    lines = re.findall(r"dvc exp run (.*)", (PROJECT / page).read_text(encoding="utf-8"))
    changes = [shlex.split(line, comments=True)[1::2] for line in lines]
    assert changes
    for _ in range(2):
        for change in changes:
            apply_overrides(path, change)
    load_params(path)
