"""A folder that is written whole or not at all, where nothing is that it would replace."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import HeadwaterError
from headwater.upkeep.places import refusal


def refuse_unless_new(folder: Path) -> None:
    """Raise HeadwaterError for a path that is no new or empty folder, or the current one."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise HeadwaterError(f"{folder}: is no folder; name one that is new or empty")
    if folder.resolve() == Path.cwd():
        # It is put in place whole, and this shell would stay in one that is gone.
        raise HeadwaterError(f"{folder}: is the current folder; name one that is new or empty")
    if folder.is_dir() and any(folder.iterdir()):
        raise HeadwaterError(f"{folder}: is not empty; name a folder that is new or empty")


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield a folder beside ``folder``, which takes its place at the end; on an error it goes."""
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    temporary = folder.absolute().with_name(f".{folder.absolute().name}.{token}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.replace(folder)
    except OSError as error:
        said = refusal(error, folder).replace(str(temporary), str(folder))
        raise HeadwaterError(said) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
