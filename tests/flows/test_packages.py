"""Other versions of packages and other code from outside make the hashes stale that name them."""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from flows.packages import of_other_packages
from headwater.artifacts import code, modules
from headwater.config import load_params
from headwater.systems.homes import OUTSIDE, outside_text

PROJECT = Path(__file__).resolve().parents[2]
PARAMS = load_params(PROJECT / "params.yaml")


@pytest.mark.fault("results of other versions of packages are never taken for those of these")
@pytest.mark.parametrize(
    ("noted", "stale"),
    [
        ({"numpy": version("numpy"), "torch": version("torch")}, set()),
        ({"numpy": version("numpy"), "torch": "0.1"}, {"code", "inputs@lvd", "questions"}),
        ({"a-package-that-is-gone": "1.0"}, {"code", "inputs@lvd", "questions"}),
        ({"": "1.0"}, {"code", "inputs@lvd", "questions"}),
        ("no packages", set()),
    ],
)
def test_other_versions_of_packages_make_the_hashes_of_code_stale(
    tmp_path: Path, noted: object, stale: set[str]
) -> None:
    # Where each of them stands in these files.
    for name, text in {
        "data/code/train.json": {"packages": noted},
        "data/inputs/lvd/evaluate.json": {"packages": {}, "challenge": {"packages": noted}},
        "data/questions/heads.json": {"rows": [], "stage": {"code": "1", "packages": noted}},
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(json.dumps(text))
    assert of_other_packages(tmp_path, PARAMS) == stale


@pytest.fixture
def editable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The code of an installed system that lies in a folder of its own, and a library of it."""
    metadata = tmp_path / "editable_fields-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: editable-fields\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text("[headwater.systems]\ne = editable_fields\n")
    for name, text in {
        "editable_fields": "import editable_library\nSYSTEM = 1\ndef train(): return 1\n",
        "editable_library": "K = 1\n",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(modules, "STARTED_NS", 2**63)
    code.forget()
    yield tmp_path
    code.forget()
    for name in ("editable_fields", "editable_library"):
        sys.modules.pop(name, None)


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("editable_fields", "return 1", "return 2"), ("editable_library", "K = 1", "K = 2")],
)
def test_edited_code_of_an_installed_system_makes_the_hashes_of_code_stale(
    editable: Path, name: str, old: str, new: str
) -> None:
    project = editable / "project"
    (project / OUTSIDE).parent.mkdir(parents=True)
    (project / OUTSIDE).write_text("{}\n")
    assert of_other_packages(project, PARAMS) == {"code"}
    (project / OUTSIDE).write_text(outside_text(PARAMS, project))
    assert of_other_packages(project, PARAMS) == set()
    path = editable / name / "__init__.py"
    path.write_text(f"# A comment.\n{path.read_text()}")
    code.forget()
    assert of_other_packages(project, PARAMS) == set()
    path.write_text(path.read_text().replace(old, new))
    code.forget()
    assert of_other_packages(project, PARAMS) == {"code"}
