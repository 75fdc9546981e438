"""Places that keep named files whole: a folder, which a group may share, or an fsspec URL."""

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from headwater.artifacts.atomic import replacing
from headwater.errors import HeadwaterError

PROBE = ".writable"
# Packages of this project's extras by the protocols that they serve.
EXTRAS = {"s3": "s3", "s3a": "s3", "ssh": "ssh", "sftp": "ssh"}
FOLDER_PROTOCOLS = ("file://", "local://")


class UnusableStore(HeadwaterError):
    """A place cannot be read, or cannot be written.

    place: the folder, file or URL. problem: what of it fails, and why.
    """

    def __init__(self, place: str | Path, problem: str) -> None:
        super().__init__(f"{place}: {problem}; make room or give this user the right to it")
        self.problem = problem


class Store(Protocol):
    """Files by name; a name may have folders in it, separated by slashes."""

    def read(self, name: str, limit: int | None = None) -> bytes | None:
        """Content of a file; None when it is not there, or has more than ``limit`` bytes."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all; raises UnusableStore naming the place."""

    def touch(self, name: str) -> None:
        """Note that a file was used just now, where the place keeps such times."""

    def check(self) -> None:
        """Raise UnusableStore when the place can neither be read nor made."""


def store_at(location: str) -> Store:
    """The store in a folder or at an fsspec URL.

    Raises HeadwaterError for an unknown protocol, one whose package is not installed, and one that
    keeps its files in this process alone.
    """
    for prefix in FOLDER_PROTOCOLS:
        if location.startswith(prefix):
            return FolderStore(Path(location.removeprefix(prefix)))
    if "://" not in location:
        return FolderStore(Path(location))
    import fsspec

    protocol = location.partition("://")[0].rpartition("::")[2]
    try:
        kind = fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise HeadwaterError(
            f"{location}: no installed package reads {protocol}://; {_remedy(protocol)}"
        ) from error
    except ValueError as error:
        raise HeadwaterError(
            f"{location}: nothing reads {protocol}://; name a folder, or a URL that fsspec knows"
        ) from error
    if kind.__module__ == "fsspec.implementations.memory":
        raise HeadwaterError(
            f"{location}: {protocol}:// is one process's own memory, and a build has several; "
            "name a folder, or a URL that all of them reach"
        )
    return UrlStore(location)


def _remedy(protocol: str) -> str:
    if extra := EXTRAS.get(protocol):
        command = f".venv/bin/python -m pip install -c constraints.txt -e '.[{extra}]'"
        return f"install it in the project's folder with: {command}"
    return "install the one that fsspec's documentation names for it"


@dataclass(frozen=True)
class FolderStore:
    """Files below a folder.

    Where the folder has its setgid bit, all that comes below it belongs to the folder's group with
    the group's permissions, whatever this user's umask is: the place serves the whole group.
    """

    folder: Path

    def read(self, name: str, limit: int | None = None) -> bytes | None:
        """Content of a file; None when it is not there, unreadable or above ``limit`` bytes."""
        try:
            # A pipe would wait for ever.
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    return None
                return None if limit is not None and status.st_size > limit else file.read()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole or not at all; raises UnusableStore naming the file."""
        path = self.folder / name
        try:
            _make(path.parent)
            with replacing(path) as temporary:
                temporary.write_bytes(data)
                _share(temporary, path.parent)
        except OSError as error:
            raise UnusableStore(path, f"cannot be written ({_reason(error)})") from error

    def touch(self, name: str) -> None:
        """Set a file's time to now."""
        with suppress(OSError):
            os.utime(self.folder / name)

    def check(self) -> None:
        """Raise UnusableStore when there is no such folder that can be read, nor can be made."""
        try:
            _make(self.folder)
            next(self.folder.iterdir(), None)
        except OSError as error:
            raise UnusableStore(
                self.folder, f"is no folder that can be used ({_reason(error)})"
            ) from error


@dataclass(frozen=True)
class UrlStore:
    """Files below an fsspec URL."""

    url: str

    def read(self, name: str, limit: int | None = None) -> bytes | None:
        """Content of a file; None when it is not there, not for us or above ``limit`` bytes.

        Raises UnusableStore when the place cannot be reached.
        """
        filesystem, path = self._open(name)
        try:
            end = None if limit is None else limit + 1
            data = bytes(filesystem.cat_file(path, end=end))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
            # Some object stores say "forbidden" of what is not there.
            return None
        except Exception as error:
            raise UnusableStore(self.url, f"cannot be read ({_reason(error)})") from error
        return None if limit is not None and len(data) > limit else data

    def write(self, name: str, data: bytes) -> None:
        """Write a file under another name, then move it; raises UnusableStore naming the URL."""
        filesystem, path = self._open(name)
        folder, _, last = path.rpartition("/")
        temporary = f"{folder}/.{last}.{secrets.token_hex(8)}.tmp"
        try:
            filesystem.makedirs(folder, exist_ok=True)
            filesystem.pipe_file(temporary, data)
            filesystem.mv(temporary, path)
        except Exception as error:
            raise UnusableStore(self.url, f"cannot be written ({_reason(error)})") from error

    def touch(self, name: str) -> None:
        """Do nothing: a remote place has its own rules for how long it keeps things."""

    def check(self) -> None:
        """Raise UnusableStore when the place cannot be reached."""
        self.read(PROBE)

    def _open(self, name: str) -> tuple[Any, str]:
        import fsspec

        try:
            filesystem, root = fsspec.core.url_to_fs(self.url)
        except Exception as error:
            raise UnusableStore(self.url, f"cannot be opened ({_reason(error)})") from error
        return filesystem, f"{str(root).rstrip('/')}/{name}"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _make(folder: Path) -> None:
    """Make a folder and those above it; it appears with its final permissions."""
    if folder.is_dir():
        return
    _make(folder.parent)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    _share(temporary, folder.parent)
    try:
        temporary.rename(folder)
    except OSError:
        temporary.rmdir()
        if not folder.is_dir():
            raise


def _share(path: Path, folder: Path) -> None:
    """Give a new file or folder the group permissions of the setgid folder that it lies in.

    The kernel gave it the group already.
    """
    of_group = stat.S_IMODE(folder.stat().st_mode)
    if not of_group & stat.S_ISGID:
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    wanted = of_group & (stat.S_IRWXG | stat.S_ISGID if path.is_dir() else 0o060)
    path.chmod(mode & ~stat.S_IRWXG | wanted)
