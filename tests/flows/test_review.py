"""A changed build left for review: on a branch, with its artifacts where a team has them."""

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from flows.review import branch_name, check_leavable, leave, review_text, send_build
from headwater.errors import HeadwaterError
from tests.flows.conftest import ToyProject

BRANCH = "rebuild/brisk-otter-0123abcd"


@pytest.fixture
def project(copy_of_built: Callable[[], ToyProject]) -> ToyProject:
    """A built toy project whose record is not committed yet."""
    made = copy_of_built()
    record = (made.path / "dvc.lock").read_bytes()
    (made.path / "dvc.lock").unlink()
    made.commit("not built")
    (made.path / "dvc.lock").write_bytes(record)
    return made


def status(project: ToyProject) -> tuple[str, str]:
    return project.git("status", "--short", "--branch"), project.git("rev-parse", "HEAD")


def branches(project: ToyProject) -> list[str]:
    return project.git("for-each-ref", "--format=%(refname:short)", "refs/heads/rebuild/").split()


def test_branch_bears_the_name_of_the_run() -> None:
    assert branch_name("rebuild", "brisk-otter", "0123abcd-4567") == BRANCH
    assert branch_name("rebuild", " ../a b~^:", "0123abcd-4567") == "rebuild/a-b-0123abcd"
    assert branch_name("rebuild", "…", "0123abcd-4567") == "rebuild/run-0123abcd"


def test_build_is_left_once_and_nothing_else_changes(project: ToyProject) -> None:
    before = status(project)
    left = leave(project.path, BRANCH, "Rebuild", partial(send_build, project.path))
    assert left is not None
    assert (left.branch, left.files, left.remote, left.fetched) == (BRANCH, (), "", False)
    assert status(project) == before
    names = project.git("diff", "--name-only", "HEAD", BRANCH)
    assert names == "dvc.lock"
    assert project.git("show", f"{BRANCH}:dvc.lock") == (
        (project.path / "dvc.lock").read_text().strip()
    )
    assert (
        leave(project.path, f"{BRANCH}-again", "Rebuild", partial(send_build, project.path)) is None
    )
    assert branches(project) == [BRANCH]


@pytest.mark.slow
def test_next_build_that_changes_data_is_left_with_what_changed_them(project: ToyProject) -> None:
    leave(project.path, BRANCH, "Rebuild")
    project.set(synthesize__subjects=50)
    assert project.flow().returncode == 0
    left = leave(project.path, f"{BRANCH}-more", "Rebuild")
    assert left is not None
    assert left.files == ("params.yaml",)
    text = review_text(left, project.path, Path("data/report/index.html"))
    assert f"The report: `{project.path}/data/report/index.html`; in a clone" in text
    assert "The report" not in review_text(left, project.path, None)
    assert "changes that are not committed: params.yaml" in text
    diff = project.dvc("diff", BRANCH, left.branch)
    assert "data/total/metrics.json" in diff.stdout
    metrics = project.dvc("metrics", "diff", BRANCH, left.branch)
    assert metrics.stdout.split()[-3:] == ["19104", "37380", "18276"]
    project.git("checkout", "--quiet", left.branch, "--", ".")
    project.git("merge", "--quiet", "--ff-only", left.branch)
    assert project.git("status", "--short") == ""


@pytest.mark.fault("a build that cannot be sent for review is sent by the next run")
def test_branch_follows_its_artifacts_to_the_team(project: ToyProject, tmp_path: Path) -> None:
    origin, remote = tmp_path / "origin.git", tmp_path / "remote"
    project.git("remote", "add", "origin", str(origin))
    project.dvc("remote", "add", "--local", "--default", "team", str(remote))
    remote.touch()
    with pytest.raises(HeadwaterError, match="dvc push: "):
        leave(project.path, BRANCH, "Rebuild", partial(send_build, project.path))
    remote.unlink()
    with pytest.raises(HeadwaterError, match="git push: "):
        leave(project.path, BRANCH, "Rebuild", partial(send_build, project.path))
    assert branches(project) == []
    project.git("init", "--quiet", "--bare", str(origin))
    left = leave(project.path, BRANCH, "Rebuild", partial(send_build, project.path))
    assert left is not None
    assert (left.remote, left.fetched) == ("team", True)

    clone = ToyProject(tmp_path / "clone")
    project.git("clone", "--quiet", "--branch", BRANCH, str(origin), str(clone.path))
    shutil.copy(project.path / ".dvc" / "config.local", clone.path / ".dvc")
    assert clone.dvc("pull").returncode == 0
    assert clone.bytes() == project.bytes()


def test_folder_without_a_commit_is_refused(copy_of_built: Callable[[], ToyProject]) -> None:
    with pytest.raises(HeadwaterError, match="there is no commit yet; mend that"):
        leave(copy_of_built().path, BRANCH, "Rebuild")


@pytest.mark.fault("a build that could not be left for review is refused before it is made")
def test_a_branch_that_leaves_no_room_is_named_before_the_build(
    project: ToyProject, tmp_path: Path
) -> None:
    check_leavable(project.path, "rebuild", push=True)
    project.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    # Its absence is the last step's matter.
    check_leavable(project.path, "rebuild", push=True)
    project.git("init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    project.git("push", "--quiet", "origin", "HEAD:refs/heads/rebuild/old")
    project.git("branch", "rebuild/older")
    check_leavable(project.path, "rebuild", push=True)
    project.git("branch", "-D", "rebuild/older")
    project.git("branch", "experiment")
    with pytest.raises(HeadwaterError, match="the branch 'experiment', here or at origin, leaves"):
        check_leavable(project.path, "experiment", push=False)
    project.git("push", "--quiet", "--delete", "origin", "rebuild/old")
    project.git("push", "--quiet", "origin", "HEAD:refs/heads/rebuild")
    check_leavable(project.path, "rebuild", push=False)
    with pytest.raises(HeadwaterError, match=r"rename it .*, or run without review"):
        check_leavable(project.path, "rebuild", push=True)


@pytest.mark.slow
@pytest.mark.fault("a build that could not be left for review is refused before it is made")
def test_a_rebuild_beside_such_a_branch_computes_nothing(project: ToyProject) -> None:
    project.git("branch", "rebuild")
    (project.path / "data" / "numbers" / "values" / "bucket-000.parquet").unlink()
    done = project.run(sys.executable, "-c", "from flows.rebuild import rebuild; rebuild()")
    assert done.returncode == 1
    assert "the branch 'rebuild', here or at origin, leaves no room" in done.stderr
    assert not (project.path / "data" / "numbers" / "values" / "bucket-000.parquet").exists()
