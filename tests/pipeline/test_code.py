"""A bucket's key follows the code that its step uses."""

import shutil
from pathlib import Path

import pytest

from headwater.pipeline import code
from headwater.pipeline.code import PACKAGE, code_fingerprint


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package that may be edited, and a step beside it."""
    copy = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "PACKAGE", copy)
    step = tmp_path / "step.py"
    step.write_text("from headwater.faces.parts import part_labels\n")
    return copy


def fingerprint(package: Path) -> str:
    code_fingerprint.cache_clear()
    code._imported.cache_clear()
    return code_fingerprint(package.parent / "step.py")


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        ("faces/parts.py", True),
        ("faces/landmark_sets.py", True),
        ("report/page.py", False),
        ("config.py", False),
    ],
)
def test_an_edit_counts_where_the_step_imports_it(
    package: Path, edited: str, changes: bool
) -> None:
    before = fingerprint(package)
    path = package / edited
    path.write_text(path.read_text() + "\n# edited\n")
    assert (fingerprint(package) != before) == changes


def test_the_same_code_elsewhere_has_the_same_fingerprint(package: Path) -> None:
    here = fingerprint(package)
    moved = package.parent / "moved"
    shutil.copytree(package, moved / package.name)
    shutil.copy(package.parent / "step.py", moved)
    code.PACKAGE = moved / package.name
    assert fingerprint(moved / package.name) == here
