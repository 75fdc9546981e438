"""The place of a project's bucket cache: resolved, and tried before anything is computed."""

from pathlib import Path

from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.pipeline.cache import BucketCache
from headwater.pipeline.store import PROBE, UnusableStore, store_at

OWN = Path(".headwater") / "cache"
# Projects inside another: DVC's copies for experiments, and the one that makes other heads.
_INNER = ((".dvc", "tmp", "exps"), (".headwater", "other_heads"))


def owner_of(project: Path) -> Path:
    """The project that a copy inside it belongs to (``dvc exp run --temp`` makes such), or itself.

    Copies share its bucket cache, so that they compute only what is new to it.
    """
    parts = project.resolve().parts
    for inner in _INNER:
        for place in range(1, len(parts) - len(inner) + 1):
            if parts[place : place + len(inner)] == inner:
                return Path(*parts[:place])
    return project


def cache_location(params: Params, project: Path) -> str:
    """Absolute folder, or URL, of the cache that the parameters name.

    Raises HeadwaterError when the text cannot be a place.
    """
    url = params.cache.url
    if "\0" in url:
        raise HeadwaterError(f"params.yaml: cache.url {url!r} cannot be a folder's name")
    if "://" in url:
        return url
    try:
        return str(owner_of(project) / Path(url).expanduser())
    except RuntimeError as error:
        raise HeadwaterError(
            f"params.yaml: cache.url {url}: {error}; write the path out"
        ) from error


def cache_for(params: Params, project: Path) -> BucketCache:
    """The bucket cache that the parameters name; what cannot be written there stays here."""
    location, own = cache_location(params, project), str(owner_of(project) / OWN)
    return BucketCache(location, own if own != location else None)


def check_cache(params: Params, project: Path) -> str | None:
    """Try the cache; a sentence for the user where it is only read, and another folder written.

    Raises HeadwaterError saying what to do when no build can work with it.
    """
    cache = cache_for(params, project)
    store = store_at(cache.url)
    advice = "mend it, or name another cache.url in params.yaml"
    try:
        store.check()
    except UnusableStore as error:
        raise HeadwaterError(f"{cache.url}: {error.problem}; {advice}") from error
    try:
        store.write(PROBE, b"")
    except UnusableStore as error:
        if cache.own is None:
            raise HeadwaterError(f"{cache.url}: {error.problem}; {advice}") from error
        store_at(cache.own).write(PROBE, b"")
        return f"{cache.url}: {error.problem}; it is read, and new buckets go to {cache.own}"
    return None
