"""A folder that appears whole or not at all, and replaces nothing."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import HeadwaterError
from headwater.upkeep.places import refusal


def refuse_unless_new(folder: Path) -> None:
    """Raise HeadwaterError unless the path is free, or an empty folder but the current one."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise HeadwaterError(f"{folder}: is no folder; name one that is new or empty")
    if folder.resolve() == Path.cwd():
        # The folder is replaced, and the user's shell would stay in a deleted one.
        raise HeadwaterError(f"{folder}: is the current folder; name one that is new or empty")
    if folder.is_dir() and any(folder.iterdir()):
        raise HeadwaterError(f"{folder}: is not empty; name a folder that is new or empty")


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder, which becomes ``folder`` at the end and is removed on an error."""
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
