"""DVC's command line as a process of its own: the domain imports no DVC."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from headwater.errors import HeadwaterError


def fetch(project: Path, outputs: Sequence[str]) -> bool:
    """Fetch what the cache lacks of some outputs from the default remote; whether all came."""
    return _dvc(project, "fetch", "--quiet", *outputs).returncode == 0


def stages(project: Path) -> list[str]:
    """Names of all stages of ``dvc.yaml``; raises HeadwaterError when DVC cannot read it."""
    listed = _dvc(project, "stage", "list", "--name-only")
    if listed.returncode:
        raise HeadwaterError(f"{project / 'dvc.yaml'}: {_error(listed.stderr)}")
    return listed.stdout.split()


def push(project: Path, remote: str | None) -> None:
    """Send the objects of the recorded build, with DVC's own words.

    Raises HeadwaterError when not all of them came there.
    """
    arguments = () if remote is None else ("--remote", remote)
    if subprocess.run(_command("push", *arguments), cwd=project, check=False).returncode:
        raise HeadwaterError(
            "not all objects came there; mend what DVC says and push again, which sends the rest"
        )


def pull_outputs(project: Path, *targets: str) -> None:
    """Fetch some outputs, or parts of them, from the default remote into the folder.

    Raises HeadwaterError with DVC's own words when not all of them came.
    """
    came = _dvc(project, "pull", *targets)
    if came.returncode:
        raise HeadwaterError(f"dvc pull: {_error(came.stderr)}; `dvc push` there what it lacks")


def share_cache(project: Path, checkout: Path) -> None:
    """Give another checkout of a project its local settings, and its cache.

    Raises HeadwaterError with DVC's own words where it has none.
    """
    local = project / ".dvc" / "config.local"
    if local.is_file():
        shutil.copy(local, checkout / ".dvc")
    cache = _dvc(project, "cache", "dir")
    used = _dvc(checkout, "config", "--local", "cache.dir", cache.stdout.strip())
    for done in (cache, used):
        if done.returncode:
            raise HeadwaterError(f"{project}: {_error(done.stderr)}")


def push_outputs(project: Path, *targets: str) -> None:
    """Send the outputs of some stages, or of all, to the default remote, without a word.

    Raises HeadwaterError with DVC's own words when not all of them came there.
    """
    sent = _dvc(project, "push", *targets)
    if sent.returncode:
        raise HeadwaterError(f"dvc push: {_error(sent.stderr)}; run again once that is mended")


def _dvc(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments),
        cwd=project,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "dvc", *arguments)


def _error(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    of_dvc = [line for line in lines if line.startswith("ERROR: ")]
    return (of_dvc or lines or ["DVC cannot read it"])[0].removeprefix("ERROR: ")
