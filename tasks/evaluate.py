"""Step "evaluate": ``python -m tasks.evaluate <system>``, from weights to scores and figures."""

from pathlib import Path

from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.evaluation.questions import count_of
from headwater.evaluation.scores import read_scores
from headwater.evaluation.summary import failures_in_words, headline_in_words
from headwater.systems import challenge_of, find_system
from headwater.systems.stages import evaluate_stage
from tasks.command import command, system_name
from tasks.console import progress
from tasks.inputs import recorded_inputs


def main() -> str:
    """Evaluate the system named on the command line."""
    name, project = system_name(), Path.cwd()
    params = load_params(project / "params.yaml")
    recorded_inputs("evaluate", name, params, project)
    system = find_system(name, params, project)
    challenge = challenge_of(system, params, project)
    with progress(f"evaluate {name}", count_of(challenge, project / "data")) as advance:
        figures = evaluate_stage(system, challenge, params, project, advance)
    write_manifest(project / "data" / "evaluate" / name)
    own = read_scores(project / "data" / "evaluate" / name)
    said = headline_in_words(challenge, figures) or "no figure"
    return f"{said}, {failures_in_words(challenge, own)}"


if __name__ == "__main__":
    command(main)
