"""The process of a verb: its status is the verb's, and a signal that ends it is named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.errors import HeadwaterError
from headwater.upkeep.flow_command import run_flow
from tasks.lifeline import EXIT_STATUS

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with parameters and flows of its own."""
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    (tmp_path / "flows").mkdir()
    shutil.copy(PROJECT / "flows" / "tied.py", tmp_path / "flows")
    (tmp_path / "flows" / "__init__.py").touch()
    return tmp_path


@pytest.mark.parametrize("status", [0, 2])
def test_its_status_is_the_verbs(project: Path, status: int) -> None:
    (project / "flows" / "verb.py").write_text(f"raise SystemExit({status})")
    assert run_flow("verb", project) == status


@pytest.mark.fault("a process that the kernel killed says so")
@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM", "SIGSEGV"])
def test_a_signal_that_ends_it_is_named(project: Path, signal: str) -> None:
    code = f"import os, signal\nos.kill(os.getpid(), signal.{signal})\n"
    (project / "flows" / "verb.py").write_text(code)
    with pytest.raises(HeadwaterError, match=rf"verb: its process was ended \({signal}\)"):
        run_flow("verb", project)


@pytest.mark.fault("a killed status or retry leaves no process, and the build as it was")
def test_a_verb_whose_command_died_while_it_starts_is_not_loaded(project: Path) -> None:
    (project / "flows" / "verb.py").write_text("open('loaded', 'w')")
    command = (sys.executable, "-m", "flows.tied", "1", "flows.verb")
    done = subprocess.run(command, cwd=project, check=False, timeout=30)
    assert done.returncode == EXIT_STATUS
    assert not (project / "loaded").exists()
