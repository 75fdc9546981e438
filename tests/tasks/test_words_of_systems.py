"""The one line that each stage of a system from outside ends with, whatever its figures are."""

import os
import shutil
from pathlib import Path

import pytest

from tasks import baselines, evaluate, figures, inputs, reconstruct, train
from tasks.questions import main as questions

PROJECT = Path(__file__).resolve().parents[2]
PLUGIN = PROJECT / "tests" / "systems" / "toy_plugin" / "toy_fields"


def project(folder: Path, package: str, monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
    """A project that builds the toy alone, with more of its challenge, as the current folder."""
    to = folder / "plugin" / package
    shutil.copytree(PLUGIN, to)
    text = (to / "__init__.py").read_text().replace("toy_fields", package)
    if more:
        given = "pictures=_pictures, figures=_figures, photos=_photos,"
        text = text.replace("pictures=_pictures,", given)
        text = text.replace("CHALLENGE = Challenge(", f"{more}\n\nCHALLENGE = Challenge(")
    (to / "__init__.py").write_text(text)
    for path in to.iterdir():
        # Code that is younger than this process is refused.
        os.utime(path, (0, 0))
    params = (PROJECT / "params.yaml").read_text().replace("plugins: {}", "plugins: {it: plugin}")
    params = params.replace("  glvd: heads\n", "  toy: fields\n").replace("  lvd: heads\n", "")
    (folder / "params.yaml").write_text(params)
    contents = folder / "data" / "contents"
    contents.mkdir(parents=True)
    (contents / "tables.json").write_text('{"head_model": "", "other": {}, "rows": {}}')
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["step.py", "toy"])


def test_a_sound_system_is_trained_judged_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, "words_sound", monkeypatch)
    assert questions() == "fields"
    inputs.main()
    assert train.main() == "10 steps; the last one kept, none was validated"
    assert baselines.main().startswith("sphere ")
    said = evaluate.main()
    assert said.startswith("RMSE 0.")
    assert said.endswith(", 1 failure: the part is too flat (1)")
    assert reconstruct.main() == "nothing for photos"
    assert figures.main() == "2 systems and baselines"


def test_figures_of_its_own_are_said_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(
        tmp_path,
        "words_own",
        monkeypatch,
        "def _figures(system, own, baselines):\n    return {'psnr': 3.0}\n\n\n"
        "def _photos(system, answer, data, out, progress):\n"
        "    return {'real_photos': 2, 'psnr': 3.0}\n",
    )
    train.main()
    baselines.main()
    assert evaluate.main() == "no figure, 1 failure: the part is too flat (1)"
    assert reconstruct.main() == "psnr 3, real photos 2"
