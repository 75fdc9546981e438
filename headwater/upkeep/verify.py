"""Verification of artifacts: every bit against the manifests, then what the tables must hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headwater.artifacts.file_checks import check_file
from headwater.artifacts.manifest import (
    MANIFEST,
    DamagedManifest,
    files_below,
    problems_with_files,
    read_manifest,
)
from headwater.artifacts.table_checks import check_tables
from headwater.errors import HeadwaterError
from headwater.upkeep.completeness import foreign_outputs, missing_outputs

# Written below data/ by DVC and Git, not by a step.
_NOT_OURS = (".gitignore", ".dvc")
REBUILD = "remove it and run `make repro`"


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong with an artifact: where, what, and what to do."""

    path: Path
    message: str

    def __str__(self) -> str:
        """One line: the file, what is wrong with it and what to do."""
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class Verification:
    """Result of a verification: files checked and their problems, in order of the files.

    recorded: whether there was a record of the build, which says what must be there.
    """

    files: int
    bytes: int
    rows: int
    problems: tuple[Problem, ...]
    recorded: bool


def verify(data: Path) -> Verification:
    """Check every artifact below the folder ``data``.

    Each file is hashed against its step's manifest; the sound ones are read as what they are
    (Parquet with page checksums, PLY, GLB, safetensors, JSON, CSV, HTML); the tables are checked
    for what the pipeline promises (schema, unique ids, splits by subject, items in = items out +
    rejects, meshes of head size). With a ``dvc.lock`` beside ``data``, every output that it records
    and every stage of the graph must be there, as recorded. Raises HeadwaterError when ``data``
    holds no artifact at all.
    """
    folders = sorted(path.parent for path in data.rglob(MANIFEST))
    if not folders:
        raise HeadwaterError(f"{data}: no artifacts here; build them first (make repro)")
    problems: list[Problem] = []
    sound: list[Path] = []
    for folder in folders:
        found, good = _check_folder(folder)
        problems += found
        sound += good
    problems += _strays(data, folders)
    missing = missing_outputs(data)
    if missing is not None:
        missing += foreign_outputs(data, [problem.path for problem in problems])
    problems += [Problem(path, message) for path, message in missing or ()]
    readable = []
    for path in sound:
        message = check_file(path)
        if message is None:
            readable.append(path)
        else:
            problems.append(Problem(path, f"{message}; {REBUILD}"))
    # Relations between tables say nothing while parts of them are damaged or missing.
    rows = 0
    if not problems:
        for root, files in _by_root(data, readable).items():
            count, broken = check_tables(root, files)
            rows += count
            problems += [Problem(path, f"{message}; {REBUILD}") for path, message in broken]
    size = sum(path.stat().st_size for path in sound)
    recorded = missing is not None
    return Verification(len(sound), size, rows, tuple(sorted(problems)), recorded)


def _by_root(data: Path, files: list[Path]) -> dict[Path, list[Path]]:
    """Files by the folder that holds the steps whose tables belong together.

    Buckets lie at <root>/<step>/<table>/<file>: below ``data`` itself, or in a set of its own.
    """
    roots: dict[Path, list[Path]] = {}
    for path in files:
        nested = path.name.startswith("bucket-") and len(path.relative_to(data).parts) > 3
        roots.setdefault(path.parents[2] if nested else data, []).append(path)
    return roots


def _check_folder(folder: Path) -> tuple[list[Problem], list[Path]]:
    try:
        found = problems_with_files(folder)
        listed = read_manifest(folder)
    except DamagedManifest:
        message = f"the manifest is damaged, its files cannot be trusted; {REBUILD}"
        return [Problem(folder / MANIFEST, message)], []
    bad = {path for path, _ in found}
    good = [folder / name for name in listed if folder / name not in bad]
    return [Problem(path, f"{message}; {REBUILD}") for path, message in found], good


def _strays(data: Path, folders: list[Path]) -> Iterator[Problem]:
    """Files, or whole folders of them, that no manifest speaks for."""
    strays = set()
    for name in files_below(data):
        path = data / name
        if path.name.endswith(_NOT_OURS) or any(path.is_relative_to(f) for f in folders):
            continue
        while path.parent != data and not any(f.is_relative_to(path.parent) for f in folders):
            path = path.parent
        strays.add(path)
    for path in strays:
        yield Problem(path, f"belongs to no finished step; {REBUILD}")
