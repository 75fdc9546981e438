"""Keeping what builds leave within a size and an age."""

import re
import time
from pathlib import Path

from headwater.config import load_params
from headwater.errors import HeadwaterError
from headwater.pipeline.cache_place import OWN, cache_location, owner_of
from headwater.pipeline.store import FolderStore, store_at
from headwater.upkeep.build_lock import build_lock
from headwater.upkeep.leftovers import (
    Pruned,
    buckets_in,
    counted,
    leftovers_of,
    remove,
    size_of,
    to_remove,
)
from headwater.upkeep.places import check_writable
from headwater.upkeep.step_lock import no_step_at_work

KEEP = "20GB"
# Other projects' builds may be using the younger ones.
SHARED_SPARE_SECONDS = 24 * 3600.0

_BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SECONDS = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


def size_in_bytes(text: str) -> int:
    """Bytes that a text as "20GB" names; raises HeadwaterError."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT]?B|)", text.strip().upper(), re.ASCII)
    if match is None:
        raise HeadwaterError(f"{text!r} is no size; write it as 500MB, 20GB or 1.5TB")
    return round(float(match[1]) * _BYTES[match[2]])


def age_in_seconds(text: str) -> float:
    """Seconds that a text as "30d" names; raises HeadwaterError."""
    match = re.fullmatch(r"(\d{1,6}) ?([hdw])", text.strip().lower(), re.ASCII)
    if match is None:
        raise HeadwaterError(f"{text!r} is no age; write it as 12h, 30d or 8w")
    return float(int(match[1]) * _SECONDS[match[2]])


def prune(project: Path, keep: int, older_than: float) -> Pruned:
    """Bound what builds of ``project`` leave to ``keep`` bytes and ``older_than`` seconds.

    Raises HeadwaterError while a build or a step is running, or when ``.headwater`` is read-only.
    """
    cache = _own_cache(project)
    check_writable(project / ".headwater")
    with build_lock(project), no_step_at_work(project):
        leftovers = leftovers_of(project, cache)
        return remove(leftovers, to_remove(leftovers, keep, older_than, time.time(), spare=0.0))


def prune_shared(project: Path, keep: int, older_than: float) -> Pruned:
    """Bound the buckets in the folder that ``cache.url`` names, which other projects use too.

    Those used within a day stay. Raises HeadwaterError when the cache is no such folder.
    """
    location = cache_location(load_params(project / "params.yaml"), project)
    store = store_at(location)
    if not isinstance(store, FolderStore):
        raise HeadwaterError(f"{location}: is no folder; let that place's own rules bound it")
    if _is_own(store.folder, project):
        raise HeadwaterError(f"{location}: is this project's own cache; leave out --shared")
    leftovers = buckets_in(store.folder)
    going = to_remove(leftovers, keep, older_than, time.time(), SHARED_SPARE_SECONDS)
    return remove(leftovers, going)


def advice(project: Path) -> str | None:
    """A line for the user when what builds left is above the usual bound."""
    total = size_of(leftovers_of(project, _own_cache(project)))
    if total <= size_in_bytes(KEEP):
        return None
    return (
        f"builds left {_readable(total)} of buckets, checkpoints and logs; to bound that: "
        "headwater cache prune"
    )


def outcome(pruned: Pruned) -> str:
    """The bytes removed and the bytes left, in one line."""
    what = f"freed {_readable(size_of(pruned.removed))}: {counted(pruned.removed)}"
    left = f"{_readable(size_of(pruned.left))} are left"
    return f"{what if pruned.removed else 'nothing to remove'}; {left}"


def _readable(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 10**9 else f"{size / 1e6:.1f} MB"


def _own_cache(project: Path) -> Path:
    location = cache_location(load_params(project / "params.yaml"), project)
    store = store_at(location) if "://" not in location else None
    if isinstance(store, FolderStore) and _is_own(store.folder, project):
        return store.folder
    return owner_of(project) / OWN


def _is_own(folder: Path, project: Path) -> bool:
    # Not resolved: a project may keep its cache on another disk behind a link.
    return folder.absolute().is_relative_to(owner_of(project).absolute())
