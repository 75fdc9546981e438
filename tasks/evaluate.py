"""Step "evaluate": ``python -m tasks.evaluate <system>``, from weights to scores and figures."""

from functools import partial
from pathlib import Path

from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.evaluation.questions import count_of
from headwater.evaluation.scores import read_scores
from headwater.evaluation.summary import failures_in_words, headline_in_words
from headwater.systems import challenge_of, find_system
from headwater.systems.settings import settings_of
from headwater.systems.stages import evaluate_stage
from tasks.command import command, system_name
from tasks.console import progress
from tasks.inputs import recorded_inputs
from tasks.judges import judged_by, processes
from tasks.workers import Workers


def main() -> str:
    """Evaluate the system named on the command line."""
    name, project = system_name(), Path.cwd()
    params = load_params(project / "params.yaml")
    recorded_inputs("evaluate", name, params, project)
    system = find_system(name, params, project)
    challenge = challenge_of(system, params, project)
    count = processes(settings_of(system, params).device)
    with (
        progress(f"evaluate {name}", count_of(challenge, project / "data")) as advance,
        Workers(params, project, count) as workers,
    ):
        judging = partial(judged_by, workers, system, challenge)
        figures = evaluate_stage(system, challenge, params, project, advance, judging)
    write_manifest(project / "data" / "evaluate" / name)
    own = read_scores(project / "data" / "evaluate" / name)
    said = headline_in_words(challenge, figures) or "no figure"
    return f"{said}, {failures_in_words(challenge, own)}"


if __name__ == "__main__":
    command(main)
