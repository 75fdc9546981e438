"""Step "inputs": ``python -m tasks.inputs <system>``, what its training and its answers depend on.

The stages of a system depend on these files alone: on the settings and the code that they execute
and on the rows that they read, and on nothing beside.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from headwater.artifacts.atomic import write_text
from headwater.artifacts.code import Home, code_of_functions, code_of_object
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import sha256_hex
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.modules import OURS
from headwater.config import Params, load_params
from headwater.data.contents import of_groups
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Challenge
from headwater.systems import challenge_of, find_system
from headwater.systems.homes import home_of_challenge, home_of_system
from headwater.systems.settings import (
    answer_inputs,
    config_of,
    tables_read,
    training_inputs,
)
from headwater.systems.stages import baselines_stage, evaluate_stage, photos_stage, train_stage
from headwater.systems.system import System
from tasks.command import command, system_name
from tasks.judges import judged
from tasks.recorded_code import refuse_unrecorded

CONTENTS = Path("data/contents/tables.json")
OUT = Path("data/inputs")
KINDS = ("train", "evaluate", "reconstruct")
SPLITS = ("train", "validation", "test")
RENDERED = ("synthetic",)
# Nothing says which rows the code of others reads.
ANY_SOURCE = ("synthetic", "photo")


def main() -> str:
    """Write train.json, evaluate.json, reconstruct.json and shown.json of a system."""
    name, project = system_name(), Path.cwd()
    params = load_params(project / "params.yaml")
    for kind in KINDS:
        write_text(OUT / name / f"{kind}.json", inputs_text(kind, name, params, project))
    write_text(OUT / name / "shown.json", shown_text(find_system(name, params, project)))
    write_manifest(OUT / name)
    return f"training depends on {sha256_hex((OUT / name / 'train.json').read_bytes())[:12]}"


def inputs(kind: str, name: str, params: Params, project: Path) -> dict[str, Any]:
    """Everything that a stage of a system depends on."""
    system = find_system(name, params, project)
    challenge = challenge_of(system, params, project)
    if kind == "train":
        config = config_of(system, params, project)
        read = tables_read(system, config)
        sources = _sources(home_of_system(name, params, project))
        if system.photos is not None and system.photos(config):
            sources = ANY_SOURCE
        rows = _rows(read, sources, ("train", "validation"), project)
        code = _code(train_stage)
        return {"system": name, **training_inputs(system, params, project), "stage": code, **rows}
    answers = answer_inputs(system, params, project)
    if kind == "evaluate":
        judging = _judging(challenge, _functions(challenge), params, project)
        questions = question_rows(challenge, params, project)
        code = _code(evaluate_stage, judged)
        return {"system": name, **answers, "stage": code, **judging, **questions}
    rows = _rows(challenge.photographed, ("photo",), SPLITS, project)
    used = (challenge.photos, challenge.chosen)
    judging = _judging(challenge, [one for one in used if one is not None], params, project)
    return {"system": name, **answers, "stage": _code(photos_stage), **judging, **rows}


def shown_text(system: System) -> str:
    """JSON of what pages show of a system beside its results."""
    paper = None if system.paper is None else asdict(system.paper)
    content = {"title": system.title, "reference": system.reference, "paper": paper}
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def inputs_text(kind: str, system: str, params: Params, project: Path) -> str:
    """JSON of everything that a stage of a system depends on."""
    return json.dumps(inputs(kind, system, params, project), indent=1, sort_keys=True) + "\n"


def recorded_inputs(kind: str, system: str, params: Params, project: Path) -> str:
    """SHA-256 of everything that a stage of a system depends on.

    Raises HeadwaterError when DVC runs the stage and has other inputs on record.
    """
    text = inputs_text(kind, system, params, project)
    refuse_unrecorded(project / OUT / system / f"{kind}.json", text)
    return sha256_hex(text.encode())


def baseline_inputs(challenge: Challenge, params: Params, project: Path) -> dict[str, Any]:
    """Everything that the figures of a challenge's baselines depend on."""
    sources = _sources(home_of_challenge(challenge.name, params, project))
    return {
        "stage": _code(baselines_stage),
        **_judging(challenge, [*_functions(challenge), challenge.baselines], params, project),
        "learned": _rows(challenge.learns, sources, ("train",), project),
        "questions": question_rows(challenge, params, project),
    }


def question_rows(challenge: Challenge, params: Params, project: Path) -> dict[str, Any]:
    """Hashes of the rows that questions come from, with those of the other test set."""
    sources = _sources(home_of_challenge(challenge.name, params, project))
    other = _contents(project)["other"] if challenge.reads else {}
    return {**_rows(challenge.reads, sources, ("test",), project), "other": other}


def _sources(home: Home) -> tuple[str, ...]:
    """Sources of the rows that may be read from a system's or challenge's home."""
    return RENDERED if home.module.partition(".")[0] in OURS else ANY_SOURCE


def _rows(
    schemas: Iterable[TableSchema],
    sources: tuple[str, ...],
    splits: tuple[str, ...],
    project: Path,
) -> dict[str, Any]:
    names = [schema.name for schema in schemas]
    if not names:
        return {"rows": {}}
    contents = _contents(project)
    rows = contents["rows"]
    if odd := [name for name in names if name not in rows]:
        raise HeadwaterError(
            f"{odd[0]} is no table that systems and challenges may read; "
            f"they may read {', '.join(sorted(rows))}"
        )
    chosen = {name: rows[name] for name in names}
    return {"head_model": contents["head_model"], "rows": of_groups(chosen, sources, splits)}


def _contents(project: Path) -> dict[str, Any]:
    return dict(json.loads((project / CONTENTS).read_text(encoding="utf-8")))


def _functions(challenge: Challenge) -> list[Callable[..., Any]]:
    """The functions that a challenge judges with."""
    optional = (challenge.pictures, challenge.figures, challenge.chosen, challenge.extras)
    places = [stratum.place for stratum in challenge.strata]
    given = [one for one in optional if one is not None]
    return [challenge.questions, challenge.score, *given, *places]


def _judging(
    challenge: Challenge, functions: Iterable[Callable[..., Any]], params: Params, project: Path
) -> dict[str, Any]:
    """A challenge's own words on its scores, and the code of its ``functions``."""
    home = home_of_challenge(challenge.name, params, project)
    code = code_of_object(home, functions).as_json()
    return {"challenge": {"name": challenge.name, **challenge.words, **code}}


def _code(*functions: Callable[..., Any]) -> dict[str, Any]:
    return code_of_functions(functions).as_json()


if __name__ == "__main__":
    command(main)
