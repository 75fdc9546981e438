"""Damaged content in a build's data or in DVC's cache: found by its MD5, and put right.

DVC trusts a file whose size, time and inode are as it left them, and an object of its cache that
is read-only, whatever they hold. Content that is not what was recorded is removed, so that nothing
trusts it any longer, and restored from where it is sound: the other copy, or a DVC remote. What is
sound nowhere is missing from then on, and its stage makes it again.
"""

import shutil
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from headwater.artifacts.atomic import replacing, write_bytes
from headwater.errors import HeadwaterError
from headwater.upkeep.dvc_command import fetch
from headwater.upkeep.recorded import (
    FOLDER,
    LOCK,
    Objects,
    Output,
    dvc_setting,
    md5_of_file,
    md5_of_folder,
    objects_of,
    read_lock,
)

READ_ONLY = 0o444
CACHE = "DVC's cache"


@dataclass(frozen=True, order=True)
class Copy:
    """A file that must hold the content of an MD5: one of the data, or an object of the cache."""

    path: Path
    md5: str

    def is_damaged(self) -> bool:
        """True where it is there and holds something else, or cannot be read to its end."""
        return self.path.exists() and md5_of_file(self.path) != self.md5.removesuffix(FOLDER)


@dataclass(frozen=True)
class Record:
    """A build as it was recorded: its outputs, their files, and DVC's cache.

    files: MD5 and output by path relative to the project, as far as the cache has the listings.
    """

    project: Path
    outputs: tuple[Output, ...]
    objects: Objects
    files: dict[str, tuple[str, Output]]

    def data_copies(self, outputs: Collection[str] | None = None) -> list[Copy]:
        """Files of the data: of all outputs, or of those at some paths."""
        return [
            Copy(self.project / name, md5)
            for name, (md5, output) in self.files.items()
            if outputs is None or output.path in outputs
        ]

    def cached_copies(self, outputs: Collection[str]) -> list[Copy]:
        """Objects that the outputs at some paths are restored from."""
        names = [output.md5 for output in self.outputs if output.path in outputs]
        names += [md5 for md5, output in self.files.values() if output.path in outputs]
        return [Copy(self.objects.path(md5), md5) for md5 in dict.fromkeys(names)]

    def all_objects(self) -> list[Copy]:
        """Every object of the cache, those of earlier builds too."""
        return [Copy(self.objects.path(md5), md5) for md5 in self.objects.names()]

    def listings(self) -> list[Copy]:
        """Objects that list the files of the outputs."""
        return [Copy(self.objects.path(o.md5), o.md5) for o in self.outputs if o.is_folder]

    def copies(self) -> list[Copy]:
        """Everything that can be checked, as far as the listings are sound."""
        return self.data_copies() + self.all_objects()

    @cached_property
    def owners(self) -> dict[str, list[tuple[str, Output]]]:
        """Files, or folders, that have the content of an MD5."""
        owners: dict[str, list[tuple[str, Output]]] = {}
        for output in self.outputs:
            if output.is_folder:
                owners.setdefault(output.md5, []).append((output.path, output))
        for name, (md5, output) in self.files.items():
            owners.setdefault(md5, []).append((name, output))
        return owners

    def owner(self, copy: Copy) -> tuple[str, Output] | None:
        """The artifact that a copy belongs to; None for an object of no use to this build."""
        if self.in_cache(copy):
            return self.owners.get(copy.md5, [None])[0]
        name = copy.path.relative_to(self.project).as_posix()
        return (name, self.files[name][1]) if name in self.files else None

    def in_cache(self, copy: Copy) -> bool:
        """True for a copy that is an object of the cache."""
        return copy.path.is_relative_to(self.objects.folder)


@dataclass(frozen=True)
class Mended:
    """The outcome for a damaged copy: in words, and the stage that has to run again, if any."""

    message: str
    stage: str | None = None


def read_record(project: Path) -> Record:
    """The record of a project's build; empty before its first stage."""
    objects, outputs = objects_of(project), read_lock(project)
    files: dict[str, tuple[str, Output]] = {}
    for output in outputs:
        if output.is_folder:
            listing = objects.listing(output.md5) or {}
            files |= {f"{output.path}/{name}": (md5, output) for name, md5 in listing.items()}
        else:
            files[output.path] = output.md5, output
    return Record(project, tuple(outputs), objects, files)


def damaged(copies: Iterable[Copy]) -> list[Copy]:
    """Those of the copies that are damaged, in their order; all are read."""
    chosen = list(copies)
    with ThreadPoolExecutor() as pool:
        return [c for c, bad in zip(chosen, pool.map(Copy.is_damaged, chosen), strict=True) if bad]


def repair(project: Path) -> tuple[int, list[Mended]]:
    """Check all data and all of DVC's cache, and mend it; number of files, and what became of each.

    Raises HeadwaterError when nothing was recorded.
    """
    record = read_record(project)
    if not record.outputs and not record.objects.names():
        raise HeadwaterError(
            f"{project / LOCK}: no build is recorded here; build first (make repro)"
        )
    mended = mend(project, damaged(record.listings()), refetch=True)
    copies = read_record(project).copies()
    return len(copies), mended + mend(project, damaged(copies), refetch=True)


def refuse_unsound_objects(project: Path) -> None:
    """Raise HeadwaterError naming every object that must not, or cannot, be sent to a remote."""
    record = read_record(project)
    bad = damaged(record.all_objects())
    outputs = {output.path for output in record.outputs}
    missing = [copy for copy in record.cached_copies(outputs) if not copy.path.exists()]
    lines = [f"{copy.path}: the object of {_of(record, copy)} is damaged" for copy in bad]
    lines += [f"{copy.path}: the object of {_of(record, copy)} is missing" for copy in missing]
    if lines:
        advice = "nothing was sent; run `headwater repair` and `make repro` first"
        raise HeadwaterError("\n".join([*lines, advice]))


def mend(project: Path, copies: Collection[Copy], refetch: bool) -> list[Mended]:
    """Remove damaged copies, and restore those that are sound elsewhere; says what became of each.

    refetch: ask the default DVC remote, where one is set, for what is sound nowhere here. Raises
    HeadwaterError when a file cannot be removed or written.
    """
    remote = dvc_setting(project, "core", "remote") if refetch else None
    record = read_record(project)
    others = {copy for copy in copies if _of_another_build(record, copy)}
    try:
        for copy in copies:
            _remove(copy.path)
        sources = _restore(project, copies)
        lost = [copy for copy in copies if copy not in sources]
        if remote is not None:
            sources |= _refetch(project, lost, remote)
    except OSError as error:
        raise HeadwaterError(
            f"{error.filename or project}: is damaged and cannot be restored ({error.strerror}); "
            "see to permissions and space there, and run `headwater repair`"
        ) from error
    record = read_record(project)
    return [_mended(record, copy, sources.get(copy), remote, copy in others) for copy in copies]


def _of_another_build(record: Record, copy: Copy) -> bool:
    """True for a file of the data whose content the cache has as well: no disk made it.

    Such files lie there after ``dvc.lock`` was changed, as by another branch.
    """
    md5 = None if record.in_cache(copy) else md5_of_file(copy.path)
    return md5 is not None and record.objects.path(md5).is_file()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _restore(project: Path, copies: Collection[Copy]) -> dict[Copy, str]:
    """Write copies again from sound content; returns from where, of those that there was."""
    sources = {copy: source for copy in copies if (source := _listing_restored(project, copy))}
    # With its listing restored it is known again what files an output has.
    record = read_record(project)
    rest = [copy for copy in copies if copy not in sources]
    return sources | {copy: source for copy in rest if (source := _file_restored(record, copy))}


def _listing_restored(project: Path, copy: Copy) -> str | None:
    for output in read_lock(project):
        if output.is_folder and output.md5 == copy.md5:
            md5, listing = md5_of_folder(project / output.path)
            if md5 == copy.md5:
                write_bytes(copy.path, listing)
                copy.path.chmod(READ_ONLY)
                return output.path
    return None


def _file_restored(record: Record, copy: Copy) -> str | None:
    owners = record.owners.get(copy.md5, []) if not copy.md5.endswith(FOLDER) else []
    places = [(record.objects.path(copy.md5), CACHE)]
    places += [(record.project / name, name) for name, _ in owners]
    for source, name in places if owners else []:
        if md5_of_file(source) == copy.md5:
            try:
                with replacing(copy.path) as temporary:
                    shutil.copyfile(source, temporary)
            except OSError as error:
                # It names the source, which is sound, where there is no room for the copy.
                raise OSError(error.errno, error.strerror, str(copy.path)) from error
            if record.in_cache(copy):
                copy.path.chmod(READ_ONLY)
            return name
    return None


def _refetch(project: Path, lost: Collection[Copy], remote: str) -> dict[Copy, str]:
    record = read_record(project)
    outputs = {output.path for copy in lost for _, output in record.owners.get(copy.md5, ())}
    if not outputs:
        return {}
    fetch(project, sorted(outputs))
    # A remote may hold damaged objects, too.
    fetched = read_record(project).cached_copies(outputs)
    for copy in damaged(fetched):
        _remove(copy.path)
    sound = {copy for copy in lost if copy.path.exists()}
    return dict.fromkeys(sound | _restore(project, set(lost) - sound).keys(), f"remote {remote}")


def _of(record: Record, copy: Copy) -> str:
    owner = record.owner(copy)
    return "an unknown file" if owner is None else owner[0]


def _mended(
    record: Record, copy: Copy, source: str | None, remote: str | None, other: bool
) -> Mended:
    owner = record.owner(copy)
    if owner is None:
        return Mended(f"{copy.path}: was damaged, and is of no file that is known; removed")
    name, output = owner
    what = f"its copy in {CACHE}" if record.in_cache(copy) else "it"
    if source is not None:
        outcome = "was of another build; replaced" if other else "was damaged; restored"
        return Mended(f"{name}: {what} {outcome} from {source}")
    places = "here" if remote is None else f"here or at remote {remote}"
    state = "was of another build, and that of this one is" if other else "was damaged and is sound"
    message = f"{name}: {what} {state} nowhere {places}"
    return Mended(f"{message}; {output.stage} has to run again", output.stage)
