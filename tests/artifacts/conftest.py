"""A small package whose code is followed as Headwater's own is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.artifacts import code, modules
from headwater.artifacts.code import code_of
from headwater.artifacts.modules import OURS, Name


@pytest.fixture
def edited_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files that a test writes be older than this process."""
    monkeypatch.setattr(modules, "STARTED_NS", 2**63)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited_before: None) -> Iterator[Path]:
    """A small package in a folder of its own, on the path, that is followed as Headwater's are."""
    folder = tmp_path / "toypackage"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in (code, modules):
        monkeypatch.setattr(module, "OURS", (*OURS, folder.name))
    code.forget()
    yield folder
    code.forget()


def write(package: Path, **modules: str) -> None:
    for name, text in modules.items():
        (package / f"{name}.py").write_text(text)
    code.forget()


def digest(name: str, module: str = "toypackage.main") -> str:
    return code_of(frozenset({Name(module, name)})).code
