"""Files of the user's own that settings of a system name, by path and content."""

from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.manifest import sha256_of_file
from headwater.errors import HeadwaterError


@dataclass(frozen=True)
class UserFile:
    """path: where it is. sha256: hex, of its content when it was looked at."""

    path: Path
    sha256: str


def user_file(named: str, project: Path, setting: str, wanted: str) -> UserFile:
    """The file that a setting names, relative to the project or absolute.

    setting: its name in ``params.yaml``. wanted: what to name there, for the error. Raises
    HeadwaterError where there is no such file.
    """
    path = project / Path(named).expanduser()
    if not path.is_file():
        raise HeadwaterError(
            f"params.yaml: {setting} is {named!r}, but there is no such file; name {wanted}"
        )
    return UserFile(path, sha256_of_file(path))
