"""Every setting of a system is documented beside its field, and the command prints them."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel
from rich.console import Console

from headwater.cli import app, run
from headwater.config import SystemSettings, load_params
from headwater.systems import SYSTEMS, known_systems
from headwater.systems.settings import config_of
from headwater.systems.settings_table import settings_lines, settings_table
from headwater.systems.system import Published
from headwater.training.run import Config
from tests.systems.test_systems import PLUGIN

PROJECT = Path(__file__).resolve().parents[2]
PARAMS = load_params(PROJECT / "params.yaml").model_copy(update={"plugins": {"toy": str(PLUGIN)}})
KNOWN = known_systems(PARAMS, PROJECT)
SIZES = [(name, size) for name, system in KNOWN.items() for size in system.sizes]
NAMES = {
    "facevision": {"learning_rate", "gradient", "answer.form"},
    "glvd": {"learning_rate", "keypoints", "localiser.steps", "heatmaps.source"},
    "lvd": {"learning_rate", "anchors", "answer.iterations"},
    "prdl": {"learning_rate", "weights.prdl", "answer.fitting.steps"},
    "spiral_gcn": {"learning_rate", "fine.edges", "answer.detail"},
    "toy": {"steps"},
}


def fields(kind: type[BaseModel]) -> Iterator[tuple[str, str | None]]:
    """Names of all fields, nested ones too, and their descriptions."""
    for name, field in kind.model_fields.items():
        yield f"{kind.__name__}.{name}", field.description
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation)


@pytest.mark.parametrize("name", KNOWN)
def test_every_field_of_every_config_has_a_description(name: str) -> None:
    seen = 0
    for config in KNOWN[name].sizes.values():
        for field, description in fields(type(config)):
            assert description is not None, field
            assert description[0].isupper(), field
            assert description.endswith("."), field
            seen += 1
    assert seen


def test_lvd_has_no_setting_of_keypoints_or_landmarks() -> None:
    own = {name for name, _ in fields(type(SYSTEMS["lvd"].sizes["small"]))}
    assert not [name for name in own if "keypoint" in name or "landmark" in name or "heat" in name]
    assert len(own) > 30


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_printed_settings_are_keys_and_values_of_overrides(name: str, size: str) -> None:
    """All of them, put back as they are printed, change nothing."""
    system = KNOWN[name]
    lines = settings_lines(system.sizes[size])
    assert NAMES[name] <= {line.name for line in lines}
    overrides: dict[str, Any] = {}
    for line in lines:
        *groups, last = line.name.split(".")
        place = overrides
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = yaml.safe_load(line.value)
    settings = SystemSettings(size=size, device="cpu", overrides=overrides)
    params = PARAMS.model_copy(update={"systems": {name: settings}})
    assert config_of(system, params, PROJECT) == system.sizes[size]


def test_a_setting_that_its_author_did_not_document_says_so() -> None:
    class Bare(Config):
        """Settings of a system from outside."""

        rate: float = 0.5
        kind: Literal["one", "two"] = "one"

    rate, kind = settings_lines(Bare())
    assert rate.about == "(no description: its field has no string below it)"
    assert kind.about == f"{rate.about} One of one, two."


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(app, ["systems", *arguments]) == status
    output = capsys.readouterr()
    return " ".join((output.err if status else output.out + output.err).split())


def test_the_command_prints_the_settings_of_the_size_that_is_built(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    raw = yaml.safe_load((PROJECT / "params.yaml").read_text())
    raw["systems"]["glvd"]["overrides"] = {"learning_rate": 0.25, "localiser": {"steps": 31}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    text = shown(capsys, "glvd", "--project", str(tmp_path))
    assert "systems.glvd.overrides.learning_rate" in text
    assert "size small" in text
    assert "learning_rate 0.25 First learning rate" in text
    assert "localiser.steps 31 Optimiser steps" in text
    assert "fusion features" in text
    assert "features, hidden" in text
    medium = shown(capsys, "glvd", "--size", "medium", "--project", str(tmp_path))
    assert "size medium" in medium
    assert "width 96 Channels" in medium


def test_the_command_refuses_what_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    project = ("--project", str(PROJECT))
    wrong = shown(capsys, "glvt", *project, status=2)
    assert (
        f"unknown system 'glvt'; the nearest known one is 'glvd' of {', '.join(SYSTEMS)}" in wrong
    )
    size = shown(capsys, "glvd", "--size", "huge", *project, status=2)
    assert "--size huge: the sizes of glvd are" in size
    assert "smoke, small, medium, paper" in size


def test_a_system_is_found_by_its_name_in_any_case(capsys: pytest.CaptureFixture[str]) -> None:
    project = ("--project", str(PROJECT))
    assert shown(capsys, "GLVD", *project) == shown(capsys, "glvd", *project)


def test_the_papers_figures_stand_on_the_systems_own_page_and_are_not_to_be_compared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = ("--project", str(PROJECT))
    listed = shown(capsys, *project)
    assert "the paper" not in listed
    assert "1.36" not in listed
    page = shown(capsys, "glvd", *project)
    assert "GLVD 1.36 1.32 1.32" in page
    assert "never compare them with figures of a build" in page
    assert "measured with that benchmark's scaled alignment" in page
    assert SYSTEMS["glvd"].reference in page
    assert "never compare" not in shown(capsys, "lvd", *project)


def test_a_system_without_settings_has_a_page_of_its_papers_figures(tmp_path: Path) -> None:
    rows = (("[/ours]", (1.5, None)), ("[red]", (2, 3.0)))
    paper = Published("mm", "scans", "", ("[/one]", "two"), rows)
    bare = replace(
        SYSTEMS["lvd"], name="bare", sizes={"small": Config()}, prepared=None, paper=paper
    )
    page = io.StringIO()
    params = load_params(PROJECT / "params.yaml")
    Console(file=page, width=200).print(settings_table(bare, None, params, tmp_path))
    text = " ".join(page.getvalue().split())
    assert "it has no settings" in text
    assert "method [/one] two [/ours] 1.5 [red] 2 3" in text


def test_the_list_names_a_system_of_the_build_that_there_is_not(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    raw = yaml.safe_load((PROJECT / "params.yaml").read_text())
    raw["build"]["colour_net"] = "colour"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    assert run(app, ["systems", "--project", str(tmp_path)]) == 2
    output = capsys.readouterr()
    # What a narrow terminal folds stands on lines that begin with blanks.
    first = [line.split()[0] for line in output.out.splitlines() if not line.startswith(" ")]
    assert first == ["name", *SYSTEMS, "*:"]
    known = list(SYSTEMS)
    assert " ".join(output.err.split()) == (
        "error: params.yaml: build.colour_net: unknown system 'colour_net'; the nearest known one "
        f"is 'spiral_gcn' of {', '.join(known)}; take it out of build, or name the folder of its "
        "package under plugins"
    )
    # What a broken folder holds nobody knows: its system may well be there.
    raw["plugins"] = {"mine": "gone"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    assert run(app, ["systems", "--project", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "plugins.mine" in error
    assert "unknown system" not in error
