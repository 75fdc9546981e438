"""A changed build left for review: a commit of it on a branch that nothing is checked out of.

The commit holds ``dvc.lock`` and every file that Git knows as the build found it, on top of the
commit that is checked out. Neither that nor Git's index changes: whoever works in the folder sees
nothing of it.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headwater.errors import HeadwaterError
from headwater.upkeep.dvc_command import push_outputs
from headwater.upkeep.recorded import LOCK, dvc_setting
from headwater.upkeep.repair import refuse_unsound_objects

ORIGIN = "origin"
Send = Callable[[], str]
_IDENTITY = {"NAME": "headwater", "EMAIL": f"headwater@{socket.gethostname()}"}


@dataclass(frozen=True)
class Left:
    """A build that was left on a branch.

    base: the commit that it stands on. files: what else than ``dvc.lock`` differs from that.
    remote: the DVC remote that has its artifacts, "" for none. fetched: whether origin has it.
    """

    branch: str
    base: str
    files: tuple[str, ...]
    remote: str
    fetched: bool


def branch_name(kind: str, run: str, identifier: str) -> str:
    """The branch of a run: names of runs come again, so that a piece of the identifier follows."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", run).strip("-") or "run"
    return f"{kind}/{name}-{identifier[:8]}"


def base_commit(project: Path) -> str:
    """The commit that is checked out, which a branch stands on.

    Raises HeadwaterError where there is none.
    """
    return git(project, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")


def check_leavable(project: Path, kind: str, push: bool) -> None:
    """Find out before a build whether it could be left on a branch ``kind``/...

    push: whether the branch is to follow to origin, which is not asked where it cannot be reached.
    Raises HeadwaterError where there is no commit, and where a branch of the name ``kind`` leaves
    no room for it.
    """
    base_commit(project)
    reference = f"refs/heads/{kind}"
    taken = reference in _references(project, reference)
    if push and not taken:
        with suppress(HeadwaterError):
            taken = bool(git(project, "ls-remote", "--heads", ORIGIN, reference))
    if taken:
        raise HeadwaterError(
            f"{project}: the branch {kind!r}, here or at {ORIGIN}, leaves no room for branches "
            f"{kind}/...; rename it (git branch -m {kind} NAME), or run without review"
        )


def send_build(project: Path) -> str:
    """Send the whole build to the default DVC remote; its name, "" where there is none.

    Raises HeadwaterError where an object is damaged, or the remote cannot be reached.
    """
    remote = dvc_setting(project, "core", "remote") or ""
    if remote:
        refuse_unsound_objects(project)
        push_outputs(project)
    return remote


def leave(project: Path, branch: str, message: str, send: Send | None = None) -> Left | None:
    """Leave the build on a branch; None where what is checked out, or a like branch, has it.

    send: sends the artifacts and names where to. The branch follows to origin, where there is one.
    There is no branch before that is done, so that the next run tries again. Raises HeadwaterError
    where a remote cannot be reached, or the folder has no commit.
    """
    base = base_commit(project)
    kind = branch.partition("/")[0]
    if _is_known(project, ["HEAD", *_references(project, f"refs/heads/{kind}/")]):
        return None
    commit = _commit(project, base, message)
    changed = git(project, "diff", "--name-only", "--relative", base, commit).splitlines()
    remote = send() if send else ""
    fetched = send is not None and ORIGIN in git(project, "remote").splitlines()
    if fetched:
        git(project, "push", "--quiet", ORIGIN, f"{commit}:refs/heads/{branch}")
    git(project, "update-ref", f"refs/heads/{branch}", commit)
    files = tuple(name for name in changed if name != LOCK)
    return Left(branch, base[:12], files, remote, fetched)


def review_text(left: Left, project: Path, report: Path | None) -> str:
    """Markdown that says what a branch holds, and how to review, keep or drop it.

    report: the build's report, where it has one.
    """
    branch, base = left.branch, left.base
    also = f" It also holds changes that are not committed: {', '.join(left.files)}."
    kept = f"DVC remote `{left.remote}`" if left.remote else f"cache of `{project}` alone"
    fetch = f"git fetch {ORIGIN} {branch}:{branch}\n" if left.fetched else ""
    where = "in a clone or in" if left.fetched and left.remote else "in"
    shown = (
        f"The report: `{project / report}`; in a clone `git checkout {branch} && dvc pull "
        f"{report.parent}`.\n\n"
        if report
        else ""
    )
    return (
        f"The data changed: this build is branch `{branch}`, on top of `{base}`."
        f"{also if left.files else ''} Its artifacts are in the {kept}.\n\n"
        f"To review it, {where} `{project}`:\n\n"
        f"```sh\n{fetch}dvc diff {base} {branch}\ndvc metrics diff {base} {branch}\n```\n\n"
        f"{shown}"
        f"To keep it, in `{project}`:\n\n"
        f"```sh\ngit checkout {branch} -- . && git merge --ff-only {branch}\n```\n\n"
        f"To drop it, undo what changed the data, and\n\n"
        f"```sh\ngit branch -D {branch} && git checkout {base} -- . && dvc checkout\n```\n"
    )


def git(project: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Output of a command of Git. Raises HeadwaterError with Git's own last words."""
    program = shutil.which("git")
    if program is None:
        raise HeadwaterError("git: not found; install it, or run without review")
    done = subprocess.run(
        (program, *arguments),
        cwd=project,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **(environment or {})},
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        what = said[-1].removeprefix("fatal: ") if said else "there is no commit yet"
        raise HeadwaterError(
            f"{project}: git {arguments[0]}: {what}; mend that and run again, or run without review"
        )
    return done.stdout.strip()


def _references(project: Path, pattern: str) -> list[str]:
    return git(project, "for-each-ref", "--format=%(refname)", pattern).splitlines()


def _is_known(project: Path, revisions: list[str]) -> bool:
    """True when a revision of these has the record of the build, in whatever order."""
    record = _record((project / LOCK).read_text(encoding="utf-8"))
    return any(_record(_recorded_at(project, revision)) == record for revision in revisions)


def _recorded_at(project: Path, revision: str) -> str:
    if not git(project, "ls-tree", "--name-only", revision, LOCK):
        return ""
    return git(project, "show", f"{revision}:./{LOCK}")


def _record(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _commit(project: Path, base: str, message: str) -> str:
    """A commit of the files that Git knows, and of the record, as they are in the folder."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(project, "read-tree", base, environment=index)
        git(project, "add", "--update", "--", ".", environment=index)
        git(project, "add", "--force", "--", LOCK, environment=index)
        tree = git(project, "write-tree", environment=index)
    arguments = ("commit-tree", tree, "-p", base, "-m", message)
    return git(project, *arguments, environment=_identity(project))


def _identity(project: Path) -> dict[str, str]:
    """Variables that name an author where Git knows none, as on a machine that only builds."""
    try:
        git(project, "var", "GIT_COMMITTER_IDENT")
    except HeadwaterError:
        roles = ("AUTHOR", "COMMITTER")
        return {f"GIT_{role}_{key}": one for role in roles for key, one in _IDENTITY.items()}
    return {}
