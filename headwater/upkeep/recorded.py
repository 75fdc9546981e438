"""DVC's record of a build, read as plain files: ``dvc.lock``, its settings, its cache's objects.

An object is a file in DVC's cache whose name is the MD5 of its content; that of a folder ends
with ``.dir`` and lists the folder's files as JSON.
"""

import configparser
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from headwater.errors import HeadwaterError

LOCK = "dvc.lock"
FOLDER = ".dir"
MAX_LOCK_BYTES = 64 << 20
MAX_LISTING_BYTES = 512 << 20
MAX_DEPTH = 50

_new_md5 = partial(hashlib.md5, usedforsecurity=False)
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
# Left beside its file by a process that was killed while writing it; DVC passes over it as well.
_LEFTOVER = re.compile(r"\..*\.tmp")


@dataclass(frozen=True)
class Output:
    """A file or folder that a stage made, as it was recorded.

    path: relative to the project. md5: of the file, or of the folder's listing with ``.dir``.
    """

    stage: str
    path: str
    md5: str

    @property
    def is_folder(self) -> bool:
        """True for a folder, whose MD5 is that of its listing."""
        return self.md5.endswith(FOLDER)


@dataclass(frozen=True)
class RecordedStage:
    """A stage as it ran when its outputs were recorded.

    inputs: MD5 by path, of folders with ``.dir``. parameters: their values by file and dotted name.
    sizes: bytes and number of files of each output.
    """

    name: str
    command: str
    inputs: Mapping[str, str]
    parameters: Mapping[str, Any]
    outputs: tuple[Output, ...]
    sizes: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Objects:
    """The objects of DVC's cache in ``folder``."""

    folder: Path

    def path(self, md5: str) -> Path:
        """Place of the object, there or not."""
        return self.folder / md5[:2] / md5[2:]

    def names(self) -> list[str]:
        """MD5s that the objects are named by, sorted; other files are passed over."""
        paths = self.folder.glob("[0-9a-f][0-9a-f]/*")
        return sorted(
            name for path in paths if _MD5.fullmatch(name := path.parent.name + path.name)
        )

    def listing(self, md5: str) -> dict[str, str] | None:
        """MD5 by relative path of a folder's files; None when the object is missing or damaged.

        Raises HeadwaterError when the object is as named and yet lists what no folder holds.
        """
        data = _read(self.path(md5), MAX_LISTING_BYTES)
        if data is None or md5_of(data) != md5.removesuffix(FOLDER):
            return None
        try:
            entries = {str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(data)}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise HeadwaterError(
                f"{self.path(md5)}: is no listing of a folder; remove it"
            ) from error
        for name, content in entries.items():
            if not (_is_inside(name) and _MD5.fullmatch(content)):
                raise HeadwaterError(
                    f"{self.path(md5)}: lists {name[:80]!r}, which no folder holds; remove it"
                )
        return entries


def read_lock(project: Path) -> list[Output]:
    """Outputs of all recorded stages, in the order of ``dvc.lock``; none when there is no lock.

    Raises HeadwaterError naming the lock when it is not what DVC writes.
    """
    return [output for stage in read_stages(project) for output in stage.outputs]


def read_stages(project: Path) -> list[RecordedStage]:
    """All recorded stages, in the order of ``dvc.lock``; none when there is no lock.

    Raises HeadwaterError naming the lock when it is not what DVC writes.
    """
    path = project / LOCK
    if not path.exists():
        return []
    data = _read(path, MAX_LOCK_BYTES)
    if data is None:
        raise HeadwaterError(f"{path}: cannot be read; restore it (git checkout {LOCK})")
    try:
        stages = _parse(data.decode())["stages"]
        return [_recorded(name, stage) for name, stage in stages.items()]
    except (ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise HeadwaterError(
            f"{path}: is not as DVC writes it; restore it (git checkout {LOCK}) or remove it"
        ) from error


def objects_of(project: Path) -> Objects:
    """The objects in the cache that the project's DVC uses."""
    folder = project / ".dvc" / "cache"
    for path, settings in _settings(project):
        if name := _value(settings, "cache", "dir"):
            folder = path.parent / Path(name).expanduser()
    return Objects(Path(os.path.normpath(folder)) / "files" / "md5")


def dvc_setting(project: Path, section: str, name: str) -> str | None:
    """One of DVC's settings as the project has it, as it is written; None when it is not set."""
    values = [_value(settings, section, name) for _, settings in _settings(project)]
    return next((value for value in reversed(values) if value), None)


def md5_of(content: bytes) -> str:
    """MD5 of some content as 32 hex digits: a name, not a protection."""
    return _new_md5(content).hexdigest()


def md5_of_file(path: Path) -> str | None:
    """MD5 of a regular file's content; None when no such file is there or it cannot be read.

    Raises HeadwaterError when this user may not read it.
    """
    try:
        # Not blocking: someone may have put a pipe there.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return hashlib.file_digest(file, _new_md5).hexdigest()
    except PermissionError as error:
        raise HeadwaterError(f"{path}: may not be read; change its permissions") from error
    except OSError:
        return None


def md5_of_folder(folder: Path) -> tuple[str, bytes]:
    """MD5 of a folder as DVC computes it, ending with ``.dir``, and the listing that it is of."""
    entries = [
        {"md5": md5_of_file(path) or "", "relpath": path.relative_to(folder).as_posix()}
        for path in folder.rglob("*")
        if path.is_file() and not _LEFTOVER.fullmatch(path.name)
    ]
    entries.sort(key=lambda entry: entry["relpath"])
    listing = json.dumps(entries, sort_keys=True).encode()
    return md5_of(listing) + FOLDER, listing


def _parse(text: str) -> Any:
    # The fast parser has no bound on depth of its own, and lets a few bytes stand for gigabytes.
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or isinstance(event, yaml.AliasEvent):
            raise ValueError("too deep, or with aliases")
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _recorded(name: str, stage: Mapping[str, Any]) -> RecordedStage:
    outs = stage.get("outs", [])
    for out in outs:
        if not (_is_inside(out["path"]) and _MD5.fullmatch(out["md5"])):
            raise ValueError(out["path"])
    return RecordedStage(
        name,
        str(stage.get("cmd", "")),
        {str(dep["path"]): str(dep.get("md5", "")) for dep in stage.get("deps", [])},
        {file: known for file, known in stage.get("params", {}).items() if isinstance(known, dict)},
        tuple(Output(name, out["path"], out["md5"]) for out in outs),
        {out["path"]: (int(out.get("size", 0)), int(out.get("nfiles", 1))) for out in outs},
    )


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _settings(project: Path) -> Iterator[tuple[Path, configparser.ConfigParser]]:
    """DVC's files of settings, a later one before an earlier one."""
    system = os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)[0]
    user = os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")
    folders = (
        os.environ.get("DVC_SYSTEM_CONFIG_DIR") or Path(system, "dvc"),
        os.environ.get("DVC_GLOBAL_CONFIG_DIR") or Path(user, "dvc"),
    )
    places = [Path(folder, "config") for folder in folders]
    for path in (*places, project / ".dvc" / "config", project / ".dvc" / "config.local"):
        settings = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            settings.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise HeadwaterError(f"{path}: is no file of DVC's settings; mend it") from error
        yield path, settings


def _value(settings: configparser.ConfigParser, section: str, name: str) -> str:
    return settings.get(section, name, fallback="").strip("\"'")


def _read(path: Path, limit: int) -> bytes | None:
    """Content of a regular file of at most ``limit`` bytes, else None."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError:
        return None
    return data if len(data) <= limit else None
