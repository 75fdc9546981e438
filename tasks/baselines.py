"""Step "baselines": answers without training to every challenge that a system is built for."""

import shutil
from pathlib import Path

from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.evaluation.questions import count_of
from headwater.systems import known_challenges, known_systems
from headwater.systems.stages import baselines_stage
from tasks.command import command
from tasks.console import progress
from tasks.questions import refuse_other_questions

OUT = Path("data/evaluate/baselines")


def main() -> str:
    """Judge the baselines of all challenges of the build."""
    project = Path.cwd()
    params = load_params(project / "params.yaml")
    refuse_other_questions(params, project)
    challenges, known = known_challenges(params, project), known_systems(params, project)
    shutil.rmtree(OUT, ignore_errors=True)
    said = []
    for name in sorted(set(params.build.values())):
        challenge = challenges[name]
        with progress(f"baselines {name}", count_of(challenge, project / "data")) as advance:
            systems = {one.name for one in known.values() if one.challenge == name}
            headlines = baselines_stage(challenge, project / "data", advance, systems)
        unit = challenge.leading.unit
        said += [f"{one} {value:.3g} {unit}".rstrip() for one, value in headlines.items()]
    write_manifest(OUT)
    return ", ".join(said)


if __name__ == "__main__":
    command(main)
