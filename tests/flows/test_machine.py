"""Machines as they are: each trouble is one sentence that says what to do, and status 2."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.conftest import ToyProject, make_toy_project

FLOWS = f"'{sys.executable}' -m flows"


def in_namespace(project: ToyProject, *kinds: str, script: str) -> tuple[int, list[str]]:
    """Status and error lines of a script in namespaces of its own; skips where there are none."""
    unshare = ("unshare", "--map-root-user", *kinds)
    if subprocess.run((*unshare, "true"), check=False, capture_output=True).returncode:
        pytest.skip(f"this machine gives no namespace ({' '.join(unshare)})")
    done = project.run(*unshare, "sh", "-c", script)
    return done.returncode, done.stderr.splitlines()


@pytest.fixture
def stale(copy_of_built: Callable[[], ToyProject]) -> ToyProject:
    """A built project in which one stage is to be built again."""
    project = copy_of_built()
    shutil.rmtree(project.path / ".dvc" / "cache")
    shutil.rmtree(project.path / "data" / "total")
    return project


@pytest.mark.fault("a folder that cannot be written is one sentence, before anything runs")
@pytest.mark.parametrize("name", [".headwater", ".dvc", ".prefect", "data"])
def test_a_read_only_folder_is_named_before_anything_runs(stale: ToyProject, name: str) -> None:
    script = f"mount --bind {name} {name} && mount -o remount,ro,bind {name} && {FLOWS}"
    status, errors = in_namespace(stale, "--mount", script=script)
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {stale.path / name}")
    assert errors[0].endswith(
        ": Read-only file system; give this user the right to write there and run again"
    )


@pytest.mark.fault("a folder that cannot be written is one sentence, before anything runs")
def test_a_step_alone_names_a_read_only_folder(stale: ToyProject) -> None:
    script = (
        "mount --bind .headwater .headwater && mount -o remount,ro,bind .headwater && "
        f"'{sys.executable}' -m tasks.total"
    )
    status, errors = in_namespace(stale, "--mount", script=script)
    assert status == 2
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {stale.path / '.headwater'}")


@pytest.mark.slow
@pytest.mark.fault("a full disk is one sentence")
def test_a_disk_that_fills_up_meanwhile_is_named(toy: ToyProject, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=20m none '{disk}' && cp -r . '{disk}/toy' && cd '{disk}/toy' && "
        f"{FLOWS}"
    )
    status, errors = in_namespace(toy, "--mount", script=script)
    assert status == 2
    assert errors
    for line in errors:
        assert "No space left on device; free some space there and run again" in line or (
            re.search("stages do(es)? not hold: ", line)
        )


@pytest.mark.fault("a full disk is one sentence")
def test_full_temporary_folder_is_named(stale: ToyProject, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    script = f"mount -t tmpfs -o size=64k none '{full}' && TMPDIR='{full}' {FLOWS}"
    status, errors = in_namespace(stale, "--mount", script=script)
    assert status == 2
    assert errors == [
        f"error: {full}: No space left on device; free some space there and run again"
    ]


@pytest.mark.fault("a machine without network, git or a plain path is told so in one sentence")
def test_no_network_interface_is_said_at_once(stale: ToyProject) -> None:
    status, errors = in_namespace(stale, "--net", script=f"timeout 10 {FLOWS}")
    assert status == 2
    assert len(errors) == 1
    assert "127.0.0.1 cannot be reached (Network is unreachable)" in errors[0]
    assert "`dvc repro`" in errors[0]


@pytest.mark.slow
def test_a_user_whom_no_one_named_builds(stale: ToyProject) -> None:
    unshare = ("unshare", "--user", "--map-user=54321")
    if subprocess.run((*unshare, "true"), check=False, capture_output=True).returncode:
        pytest.skip(f"this machine gives no namespace ({' '.join(unshare)})")
    names = ("-u", "LOGNAME", "-u", "USER", "-u", "LNAME", "-u", "USERNAME")
    done = stale.run(*unshare, "env", *names, sys.executable, "-m", "flows")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.fault("a machine without network, git or a plain path is told so in one sentence")
def test_a_download_without_git_says_what_to_do(stale: ToyProject) -> None:
    shutil.rmtree(stale.path / ".git")
    done = stale.flow()
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "`git init`" in done.stderr
    assert "core.no_scm" in done.stderr


@pytest.mark.fault("a machine without network, git or a plain path is told so in one sentence")
@pytest.mark.slow
def test_a_download_without_git_is_built_without_version_control(
    toy: ToyProject, built: ToyProject
) -> None:
    shutil.rmtree(toy.path / ".git")
    assert toy.dvc("config", "--local", "core.no_scm", "true").returncode == 0
    done = toy.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert toy.bytes() == built.bytes()


@pytest.mark.fault("a machine without network, git or a plain path is told so in one sentence")
def test_a_path_with_braces_is_refused_before_anything_runs(tmp_path: Path) -> None:
    project = make_toy_project(tmp_path / "a {y}")
    for done in (project.flow(), project.run(sys.executable, "-m", "tasks.numbers")):
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"error: {project.path}: DVC cannot work in a folder whose path holds '{{'; "
            "move or rename it\n"
        )


@pytest.mark.fault("a machine without network, git or a plain path is told so in one sentence")
@pytest.mark.slow
def test_a_path_with_odd_signs_is_built(tmp_path: Path, built: ToyProject) -> None:
    project = make_toy_project(tmp_path / "$HOME %41 # ?*[a] 'q' \"r\" `x`; \\ new\nline")
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert project.bytes() == built.bytes()
    assert [path.name for path in project.path.parent.iterdir()] == [project.path.name]
