"""The flow that tries systems on another machine: a worker with a clone and the DVC remote.

Every run has a checkout of its own inside the clone (``git worktree``), which shares the clone's
DVC cache, so that several of them, one for each GPU, work side by side. What comes of it is left on
a branch named after the run, and its artifacts at the remote.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from pydantic import Field

from flows.review import ORIGIN, Left, check_leavable, git, leave
from flows.run_page import run_branch, run_log
from flows.trial import Trial
from headwater.config import SystemName
from headwater.errors import HeadwaterError
from headwater.upkeep.build_lock import build_lock
from headwater.upkeep.dvc_command import share_cache
from headwater.upkeep.recorded import dvc_setting
from tasks.console import VOICE

# Kind of its branches in Git, and name of the flow.
KIND = "experiment"
CHECKOUTS = Path(".headwater") / "experiments"


@flow(name=KIND, persist_result=False)
def experiment(
    systems: Annotated[list[SystemName], Field(min_length=1)],
    sizes: dict[SystemName, str],
    overrides: dict[SystemName, dict[str, Any]],
    device: Literal["cuda", "cpu"],
    revision: Annotated[str, Field(min_length=1)],
) -> None:
    """Train and evaluate systems on the tables that a revision has on record.

    Raises HeadwaterError where the revision is unknown, a setting is none, or a stage fails.

    Args:
        systems: Systems to train and evaluate, one after the other.
        sizes: Size by system, where it is not to be that of params.yaml.
        overrides: Settings of its config by system, in place of those of params.yaml.
        device: Where the worker trains, on its GPU or not.
        revision: Branch, tag or commit of origin that is tried, with its dvc.lock.
    """
    clone, branch, log = Path.cwd(), run_branch(KIND), run_log()
    check_leavable(clone, KIND, push=True)
    remote = dvc_setting(clone, "core", "remote")
    if not remote:
        raise HeadwaterError(
            f"{clone}: has no DVC remote to fetch the tables from; name one with "
            "`dvc remote add -d`"
        )
    trial = Trial(systems=systems, sizes=sizes, overrides=overrides, device=device)

    def say(line: str) -> None:
        VOICE.say(line)
        log.info(line)

    with checkout(clone, revision, branch) as folder:
        say(f"{revision} is {git(folder, 'rev-parse', '--short', 'HEAD')}")
        _run(folder, trial, say)
        left = leave(folder, branch, f"Experiment {branch}", lambda: remote)
    if left is None:
        say("nothing new: a branch has these systems with these settings already")
        return
    text = take_text(left, systems)
    say(f"trained: branch {branch}")
    create_markdown_artifact(text, key=KIND, description="How to take what was trained")


@contextmanager
def checkout(clone: Path, revision: str, branch: str) -> Iterator[Path]:
    """A checkout of a revision inside the clone, with its DVC cache and remotes, for the block.

    Raises HeadwaterError where neither origin nor the clone knows the revision.
    """
    if ORIGIN in git(clone, "remote").splitlines():
        git(clone, "fetch", "--quiet", ORIGIN)
    commit = _commit_of(clone, revision)
    folder = clone / CHECKOUTS / branch.replace("/", "-")
    git(clone, "worktree", "add", "--quiet", "--force", "--detach", str(folder), commit)
    try:
        share_cache(clone, folder)
        with build_lock(folder):
            yield folder
    finally:
        git(clone, "worktree", "remove", "--force", str(folder))


def _commit_of(clone: Path, revision: str) -> str:
    for name in (f"{ORIGIN}/{revision}", revision):
        try:
            return git(clone, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except HeadwaterError:
            continue
    raise HeadwaterError(f"{clone}: there is no revision {revision!r}; push it to {ORIGIN} first")


def _run(folder: Path, trial: Trial, say: Any) -> None:
    """Run the trial as a process, whose code is the revision's, and repeat what it says."""
    with subprocess.Popen(
        (sys.executable, "-m", "flows.trial", str(os.getpid()), trial.model_dump_json()),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        last = ""
        try:
            for line in process.stdout:
                last = line.rstrip() or last
                say(line.rstrip())
        except BaseException:
            # A run that is cancelled would wait for it; all that it started ends with it.
            process.kill()
            raise
    if process.returncode:
        raise HeadwaterError(last.removeprefix("error: ") or "the trial ended without a word")


def take_text(left: Left, systems: list[str]) -> str:
    """Markdown that says how the submitting side takes what was trained."""
    stages = " ".join(f"{stage}@{name}" for name in systems for stage in ("train", "evaluate"))
    fetch = f"git fetch {ORIGIN} {left.branch}:{left.branch}\n" if left.fetched else ""
    return (
        f"Trained on `{left.base}`: branch `{left.branch}`. To take it, in a clean checkout of "
        f"that:\n\n```sh\n{fetch}git checkout {left.branch} -- .\n"
        f"dvc pull {stages}\nmake repro\n```\n\n"
        "`make repro` draws the report anew and trains nothing.\n"
    )
