"""DVC's own locks: a broken one is mended, and the record is read while nobody writes it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.lock import make_lock
from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

from headwater.upkeep.recorded import dvc_setting


def mend_rwlock(project: Path) -> None:
    """Remove DVC's file of who reads and writes what, if a killed process left it half written.

    Whoever is named in it is gone then, or goes on without: builds keep to their own order.
    """
    path = _folder(project) / RWLOCK_FILE
    if not _is_broken(path):
        return
    # DVC writes it in place, under this lock: what looks broken may be in the making.
    with _lock(project, RWLOCK_LOCK):
        if _is_broken(path):
            path.unlink()


@contextmanager
def record_lock(project: Path) -> Iterator[None]:
    """Hold the lock under which DVC writes ``dvc.lock``, in place."""
    _folder(project).mkdir(parents=True, exist_ok=True)
    with _lock(project, "lock"):
        yield


def _folder(project: Path) -> Path:
    return project / ".dvc" / "tmp"


def _lock(project: Path, name: str) -> Any:
    folder = _folder(project)
    hardlink = dvc_setting(project, "core", "hardlink_lock") == "true"
    path = str(folder / name)
    return make_lock(path, tmp_dir=str(folder), hardlink_lock=hardlink, wait=True)


def _is_broken(path: Path) -> bool:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except (ValueError, RecursionError):
        return True
    kinds = ("read", "write")
    return not (
        isinstance(content, dict) and all(isinstance(content.get(k, {}), dict) for k in kinds)
    )
