"""``python -m benchmarks.claims``: names and sizes that cannot be measured are refused."""

import shutil
from pathlib import Path

import pytest

from benchmarks.claims import commit, measure
from headwater.errors import HeadwaterError

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in which nothing is built."""
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("glvdd", None, "nearest known one is 'glvd'"),
        ("lvd", None, "its folder has no claims"),
        ("glvd", "medium", "is of size small, not medium; set systems.glvd.size"),
        ("glvd", "small", "weights.safetensors"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    project: Path, name: str, size: str | None, said: str
) -> None:
    with pytest.raises(HeadwaterError, match=said):
        measure(name, size, project, None)


def test_a_folder_without_git_has_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) is None


def test_the_commit_names_changed_files(tmp_path: Path) -> None:
    import subprocess

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "file").write_text("a")
    git("add", "-A")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first")
    clean = commit(tmp_path)
    assert clean is not None
    assert not clean.endswith("+")
    (tmp_path / "file").write_text("b")
    assert commit(tmp_path) == f"{clean}+"
