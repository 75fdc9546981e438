"""``python -m benchmarks.claims``: names and sizes that cannot be measured are refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import benchmarks.claims
from benchmarks.claims import commit, main, measure
from headwater.errors import HeadwaterError
from headwater.evaluation.claims import Claim
from headwater.systems import SYSTEMS

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
        ("glvd", "small", r"weights\.safetensors: is not there; train glvd with `make repro`"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    project: Path, name: str, size: str | None, said: str
) -> None:
    with pytest.raises(HeadwaterError, match=said):
        measure(name, size, project, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["glvdd"], "benchmarks.claims: unknown system 'glvdd'"),
        (["glvd", "--subjects", "0"], "--subjects: 0 is not a whole number above 0"),
        (["glvd", "--subjects=-3"], "--subjects: -3 is not a whole number above 0"),
        (["glvd", "--subjects", "x"], "--subjects: x is not a whole number above 0"),
    ],
)
def test_what_a_user_can_mend_ends_with_status_2(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["claims", *arguments, "--project", str(project)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


CLAIM = Claim("error", "of all, mm", 1.0, None, None, 2.0, "<=")


@pytest.mark.parametrize(
    ("subjects", "overrides", "kept"),
    [(None, {}, True), (3, {}, False), (None, {"learning_rate": 0.1}, False)],
)
def test_whole_measurements_of_a_plain_size_alone_are_kept(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    subjects: int | None,
    overrides: dict[str, float],
    kept: bool,
) -> None:
    text = (project / "params.yaml").read_text()
    params = yaml.safe_load(text)
    params["systems"]["glvd"]["overrides"] = overrides
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    measured = replace(
        SYSTEMS["glvd"],
        load=lambda weights, config, device: None,
        claims=lambda model, data, subjects, progress: [CLAIM],
    )
    weights = project / "data" / "train" / "glvd" / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    weights.touch()
    monkeypatch.setattr(benchmarks.claims, "find_system", lambda *_: measured)
    monkeypatch.setattr(benchmarks.claims, "RESULTS", project / "results")
    said = measure("glvd", None, project, subjects)
    assert "| error: of all, mm | 1 | at most 2 | yes |" in said
    assert [path.name for path in (project / "results").glob("*")] == (
        ["claims-glvd-small.json"] if kept else []
    )
    assert ("not kept" in said) == (not kept)


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
