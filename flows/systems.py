"""The systems of a build: those that ``make repro BUILD=...`` names, and outputs of no others."""

import shutil
from pathlib import Path, PurePosixPath

import yaml
from dvc.utils.serialize import modify_yaml

from flows.build_in_params import with_build
from flows.dvc_locks import record_lock
from headwater.artifacts.atomic import write_text
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.systems import find_system, known_systems
from headwater.systems.settings import check_systems
from headwater.upkeep.recorded import LOCK, read_lock

ALL = "all"
DATA = "data"


def choose_systems(project: Path, names: str) -> bool:
    """Write systems into ``build`` of params.yaml, where DVC reads them; whether that changed it.

    names: separated by commas, or "all" for every known system. The systems of the present build
    come first then, as the report leads with the first one. Raises HeadwaterError for an unknown
    name, with the nearest known one, for settings that do not fit these systems, and where
    ``build`` cannot be rewritten.
    """
    path = project / "params.yaml"
    params = load_params(path)
    known = known_systems(params, project)
    named = [one.strip() for one in names.split(",")]
    every = dict.fromkeys([*params.build, *known])
    chosen = list(every) if named == [ALL] else [one for one in named if one]
    if not chosen:
        raise HeadwaterError(f"BUILD={names}: names no system; there are {', '.join(known)}, {ALL}")
    try:
        systems = [find_system(name, params, project) for name in chosen]
    except HeadwaterError as error:
        raise HeadwaterError(f"BUILD={names}: {error}") from error
    build = {system.name: system.challenge for system in systems}
    if build == params.build:
        return False
    check_systems(params.model_copy(update={"build": build}), project)
    # Bytes: their line ends stay.
    text = with_build(path.read_bytes().decode(), build)
    if text is None:
        entries = ", ".join(f"{name}: {challenge}" for name, challenge in build.items())
        raise HeadwaterError(
            f"{path}: BUILD={names} cannot be written into build in the form that it has; write it "
            f"there as build: {{{entries}}}"
        )
    write_text(path, text)
    return True


def drop_unbuilt(project: Path, params: Params) -> None:
    """Remove data and record of systems no longer built, which would pass for those of this build.

    DVC's cache keeps both for a build that has the system again. Raises OSError for data that
    cannot be removed, which stays on record.
    """
    built = _stages_of_each(project, params)
    gone = [one for one in read_lock(project) if "@" in one.stage and one.stage not in built]
    if not gone:
        return
    for path in {PurePosixPath(output.path) for output in gone}:
        # The record may be anyone's.
        if path.parts[0] == DATA and len(path.parts) > 1 and (project / path).exists():
            shutil.rmtree(project / path)
    with record_lock(project), modify_yaml(project / LOCK) as record:
        for stage in {output.stage for output in gone}:
            del record["stages"][stage]


def _stages_of_each(project: Path, params: Params) -> set[str]:
    """Stages that dvc.yaml makes of each system, or of each folder of ``plugins``."""
    stages = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    each = {name: stage["foreach"] for name, stage in stages.items() if "foreach" in stage}
    members = {"${build}": params.build, "${plugins}": params.plugins}
    return {f"{name}@{member}" for name, group in each.items() for member in members[group]}
