"""SHA-256 of the files of tables, taken from manifests where these are known to hold."""

import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from headwater.artifacts.manifest import MANIFEST, DamagedManifest, read_manifest, sha256_of_file


class FileHashes:
    """Hashes of files below ``data``, in the folders of some steps.

    That of the step's manifest for a file that was not touched since that was written; all others
    are read.
    """

    def __init__(self, data: Path, steps: Iterable[str]) -> None:
        self._data = data
        self._recorded: dict[Path, tuple[str, int]] = {}
        self._written_ns: dict[str, int] = {}
        for step in set(steps):
            with suppress(DamagedManifest, OSError):
                self._written_ns[step] = (data / step / MANIFEST).stat().st_mtime_ns
                entries = read_manifest(data / step)
                self._recorded |= {data / step / name: one for name, one in entries.items()}

    def of(self, path: Path) -> str:
        """SHA-256 of a file; "" where there is none.

        Raises OSError for what is no regular file, or cannot be read.
        """
        try:
            status = path.stat()
        except FileNotFoundError:
            return ""
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path}: is not a file")
        sha256, size = self._recorded.get(path, ("", -1))
        written = self._written_ns.get(path.relative_to(self._data).parts[0], 0)
        # Time of change of the file's own entry: nobody sets that, as `cp -p` does the other.
        if size == status.st_size and max(status.st_mtime_ns, status.st_ctime_ns) < written:
            return sha256
        return sha256_of_file(path)
