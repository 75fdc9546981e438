"""``python -m flows.trial <settings as JSON>``: train and evaluate systems in a bare checkout.

Of the artifacts only those are fetched that the stages read, from the DVC remote, and what the
stages made is sent there. Prefect has no part in it: the flow ``experiment`` starts this in a
checkout of the revision that is tried, whose code it is.
"""

import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NoReturn

from dvc.utils.serialize import modify_yaml
from pydantic import Field

from flows.recording import Recorder
from headwater.artifacts.columns import TableSchema
from headwater.config import Params, Settings, SystemName, load_params
from headwater.errors import HeadwaterError
from headwater.systems import challenge_of, find_system
from headwater.systems.settings import check_systems, config_of, tables_read
from headwater.upkeep.dvc_command import pull_outputs, push_outputs
from headwater.upkeep.recorded import LOCK, read_lock
from tasks import lifeline
from tasks.console import VOICE

# Small inputs that every stage of a system reads.
ALWAYS = ("data/code", "data/contents", "data/plugins")
MODEL = "data/head_model"
MADE = ("inputs", "train", "evaluate")


class Trial(Settings):
    """Systems to train, in this order, with what replaces their settings in params.yaml."""

    systems: list[SystemName] = Field(min_length=1)
    sizes: dict[SystemName, str]
    overrides: dict[SystemName, dict[str, Any]]
    device: Literal["cpu", "cuda"]


def main() -> NoReturn:
    """Run the trial in the current folder and exit; its last arguments are a pid and settings."""
    lifeline.hold(int(sys.argv[1]))
    project = Path.cwd()
    try:
        trial = Trial.model_validate_json(sys.argv[2])
        params = write_params(project, trial)
        for name in trial.systems:
            run(project, params, name)
    except HeadwaterError as error:
        VOICE.complain(str(error))
        sys.exit(error.exit_status)
    sys.exit(0)


def write_params(project: Path, trial: Trial) -> Params:
    """Set the systems of a trial in params.yaml, whose comments stay, and read it.

    Raises HeadwaterError naming every wrong key and value.
    """
    path = project / "params.yaml"
    before = load_params(path)
    found = {name: find_system(name, before, project) for name in trial.systems}
    if odd := sorted({*trial.sizes, *trial.overrides} - found.keys()):
        raise HeadwaterError(f"{odd[0]} has a size or overrides, but is not one of the systems")
    with modify_yaml(path) as written:
        for name, system in found.items():
            written["build"].setdefault(name, system.challenge)
            size = before.system(name, tuple(system.sizes)).size
            entry = written["systems"].setdefault(name, {"size": size})
            entry["device"] = trial.device
            if name in trial.sizes:
                entry["size"] = trial.sizes[name]
            if name in trial.overrides:
                entry["overrides"] = trial.overrides[name]
    params = load_params(path)
    check_systems(params, project)
    return params


def run(project: Path, params: Params, name: str) -> None:
    """Train and evaluate one system: fetch what each stage reads, record it, send what it made."""
    system = find_system(name, params, project)
    challenge = challenge_of(system, params, project)
    trained_on = tables_read(system, config_of(system, params, project))
    baselines = f"data/evaluate/baselines/{challenge.name}"
    reads = {
        "inputs": ALWAYS,
        "train": (*_paths(trained_on), MODEL),
        "evaluate": (*_paths(challenge.reads), MODEL, "data/other_heads", baselines),
    }
    with Recorder(project) as recorder:
        for stage, paths in reads.items():
            pull_outputs(project, *recorded(project, paths))
            target = f"{stage}@{name}"
            recorder.record(target, partial(_say, target))
    push_outputs(project, *(f"{stage}@{name}" for stage in MADE))


def recorded(project: Path, paths: Collection[str]) -> list[str]:
    """Targets for DVC to fetch some folders: themselves, or the recorded outputs within.

    Raises HeadwaterError for one of which the record has nothing.
    """
    outputs = [PurePosixPath(output.path) for output in read_lock(project)]
    targets: dict[str, None] = {}
    for path in map(PurePosixPath, paths):
        inside = [one for one in outputs if one.is_relative_to(path)]
        if any(path.is_relative_to(one) for one in outputs):
            inside = [path]
        if not inside:
            raise HeadwaterError(f"{LOCK}: has no {path}; build it with `make repro` and push it")
        targets.update(dict.fromkeys(map(str, inside)))
    return list(targets)


def _paths(schemas: tuple[TableSchema, ...]) -> list[str]:
    return [f"data/{schema.name}" for schema in schemas]


def _say(target: str, event: dict[str, Any]) -> None:
    if "finished" in event:
        VOICE.say(f"{target}: {event['finished']}")


if __name__ == "__main__":
    main()
