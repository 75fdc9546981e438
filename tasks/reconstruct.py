"""Step "reconstruct": ``python -m tasks.reconstruct <system>``, answers for the user's photos."""

from pathlib import Path

from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.evaluation.summary import figures_in_words
from headwater.systems import challenge_of, find_system
from headwater.systems.stages import photos_stage
from tasks.command import command, system_name
from tasks.inputs import recorded_inputs


def main() -> str:
    """Answer for all photos with the system named on the command line."""
    name, project = system_name(), Path.cwd()
    params = load_params(project / "params.yaml")
    recorded_inputs("reconstruct", name, params, project)
    system = find_system(name, params, project)
    challenge = challenge_of(system, params, project)
    figures = photos_stage(system, challenge, params, project)
    write_manifest(project / "data" / "reconstruct" / name)
    return figures_in_words(figures) or "nothing for photos"


if __name__ == "__main__":
    command(main)
