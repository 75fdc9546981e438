"""Step "questions": what the baselines of each challenge depend on, their questions above all.

Judging the baselines takes a minute: it depends on these files alone, so that it runs again only
when something that it reads or executes has changed.
"""

import json
import shutil
from pathlib import Path

from headwater.artifacts.atomic import write_text
from headwater.artifacts.manifest import write_manifest
from headwater.config import Params, load_params
from headwater.systems import known_challenges
from tasks.command import command
from tasks.inputs import baseline_inputs
from tasks.recorded_code import refuse_unrecorded

OUT = Path("data/questions")


def main() -> str:
    """Write one file for every challenge of the build."""
    project = Path.cwd()
    params = load_params(project / "params.yaml")
    shutil.rmtree(OUT, ignore_errors=True)
    texts = question_texts(params, project)
    for name, text in texts.items():
        write_text(OUT / f"{name}.json", text)
    write_manifest(OUT)
    return ", ".join(texts)


def question_texts(params: Params, project: Path) -> dict[str, str]:
    """JSON, by challenge, of everything that the figures of its baselines depend on."""
    challenges = known_challenges(params, project)
    return {
        name: json.dumps(
            baseline_inputs(challenges[name], params, project), indent=1, sort_keys=True
        )
        + "\n"
        for name in sorted(set(params.build.values()))
    }


def refuse_other_questions(params: Params, project: Path) -> None:
    """Raise HeadwaterError when DVC runs the baselines and has other questions on record."""
    for name, text in question_texts(params, project).items():
        refuse_unrecorded(project / OUT / f"{name}.json", text)


if __name__ == "__main__":
    command(main)
