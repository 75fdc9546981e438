"""Files of the user that a system's settings name, by path and content."""

import reprlib
from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.manifest import sha256_of_file
from headwater.artifacts.regular_files import existing_path
from headwater.errors import HeadwaterError


@dataclass(frozen=True)
class UserFile:
    """A file's path and the SHA-256, hex, of its content when it was hashed."""

    path: Path
    sha256: str


def user_file(named: str, project: Path, setting: str, wanted: str) -> UserFile:
    """The file that a setting names, relative to the project or absolute.

    setting: its name in ``params.yaml``. wanted: what to name there, for the error. Raises
    HeadwaterError where there is no such file, or it cannot be read.
    """
    path = existing_path(project, named)
    given = f"params.yaml: {setting} is {reprlib.repr(named)}, but"
    if path is None or not path.is_file():
        raise HeadwaterError(f"{given} there is no such file; name {wanted}")
    try:
        return UserFile(path, sha256_of_file(path))
    except OSError as error:
        raise HeadwaterError(f"{given} it cannot be read: {error.strerror or error}") from error
