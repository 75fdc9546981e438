"""Inputs of stages outside the project, where DVC does not look for changes."""

import json
from collections.abc import Callable, Collection
from pathlib import Path

from headwater.artifacts.manifest import sha256_of_file
from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.heads import source_digest
from headwater.systems import find_system
from headwater.systems.settings import config_of

# By stage: the file that records the hash of what it read.
NOTES = {
    "head_model": "data/head_model/source.json",
    "other_heads": "data/other_heads/set.json",
    "parser": "data/parser/source.json",
}


def read_otherwise(project: Path, params: Params) -> set[str]:
    """Stages whose user's files are no longer those that they read.

    Those of a head model, of a parser, or such as settings of systems name. A file that is gone
    makes nothing stale, nor does a stage without outputs, which runs anyway.
    """
    digests: dict[str, Callable[[], str]] = {
        "head_model": lambda: source_digest(params.synthesize.head_model),
        "other_heads": lambda: source_digest(params.benchmark.other_head_model),
        "parser": lambda: sha256_of_file(project / Path(params.parts.parser).expanduser()),
    }
    stale = set()
    for stage, note in NOTES.items():
        try:
            known = json.loads((project / note).read_text(encoding="utf-8"))["source_sha256"]
            now = digests[stage]()
        except (OSError, ValueError, KeyError, TypeError, HeadwaterError):
            continue
        if now != known:
            stale.add(stage)
    return stale | _named_by_systems(project, params)


def _named_by_systems(project: Path, params: Params) -> set[str]:
    """Stages ``inputs`` of systems whose settings have other files than on record."""
    stale = set()
    for name in params.build:
        try:
            system = find_system(name, params, project)
            if system.prepared is None:
                continue
            note = project / "data" / "inputs" / name / "train.json"
            known = json.loads(note.read_text(encoding="utf-8"))["config"]
            now = config_of(system, params, project).of_training()
        except (OSError, ValueError, KeyError, TypeError, HeadwaterError):
            continue
        if now != known:
            stale.add(f"inputs@{name}")
    return stale


def refuse_missing(project: Path, params: Params, stages: Collection[str]) -> None:
    """Refuse now what one of ``stages`` would refuse only after others had run for minutes.

    Raises HeadwaterError naming the parameter: photos, a head model's files or a CUDA device that
    are not there.
    """
    if "photos" in stages:
        _check_photos(project, params.photos.folder)
    if "head_model" in stages:
        try:
            source_digest(params.synthesize.head_model)
        except (HeadwaterError, OSError) as error:
            raise HeadwaterError(f"params.yaml: synthesize.head_model: {error}") from error
    for system in params.build:
        settings = params.system(system)
        needed = {f"{stage}@{system}" for stage in ("train", "evaluate", "reconstruct")}
        place = (settings.device, settings.devices, settings.precision)
        if place != ("cpu", 0, "32") and not needed.isdisjoint(stages):
            # Imported here: torch takes seconds, and most builds run on the CPU.
            from headwater.training.device import chosen_devices

            chosen_devices(*place, f"params.yaml: systems.{system}")


def _check_photos(project: Path, name: str) -> None:
    folder = project / name
    # Stages make the folders below data/, that of the built-in portraits too.
    if project / "data" not in folder.parents and not folder.is_dir():
        raise HeadwaterError(
            f"params.yaml: photos.folder is {name!r}, but there is no such folder; "
            "name one that holds photos"
        )
