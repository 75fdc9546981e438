"""Packages from outside: whatever is wrong with one is a sentence, and the others are known."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.systems import (
    SYSTEMS,
    find_system,
    known_challenges,
    known_systems,
    sound_systems,
)
from headwater.systems.listing import listing

PROJECT = Path(__file__).resolve().parents[2]
SOUND = (Path(__file__).with_name("toy_plugin") / "toy_fields" / "__init__.py").read_text()


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that a test adds to the path leave it again."""
    monkeypatch.setattr("sys.path", [*sys.path])


def package(folder: Path, name: str, text: str) -> Path:
    """A package of this text in a folder; its file."""
    file = folder / name / "__init__.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def sound(name: str) -> str:
    """A package with a system and a challenge of a name of their own."""
    return SOUND.replace('"toy"', f'"{name}"').replace('"fields"', f'"{name}_fields"')


def with_plugins(**plugins: str) -> Params:
    own = load_params(PROJECT / "params.yaml")
    return own.model_copy(update={"plugins": plugins})


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("X = 1\nSYSTEM = = 6\n", 2, "SyntaxError: invalid syntax"),
        ("import no_such_package\nSYSTEM = 1\n", 1, "ModuleNotFoundError: No module named"),
        ("\nraise RuntimeError('boom\\nbang')\nSYSTEM = 1\n", 2, "RuntimeError: boom bang;"),
        ("import sys\nsys.exit(0)\nSYSTEM = 1\n", 2, "SystemExit: 0;"),
        ("SYSTEM = None\nraise BaseException\n", 2, "BaseException;"),
        ("import json\nSYSTEM = json.loads('{')\n", 2, "JSONDecodeError: Expecting"),
        ("eval('1 +')\nSYSTEM = 1\n", 1, "SyntaxError: invalid syntax"),
        ("def f():\n    return f()\nSYSTEM = f()\n", 2, "RecursionError: maximum"),
        ("SYSTEM = 'x' * \x00\n", None, "null bytes"),
    ],
)
def test_a_package_that_cannot_be_imported_is_named_with_file_and_line(
    tmp_path: Path, request: pytest.FixtureRequest, text: str, line: int | None, said: str
) -> None:
    name = f"outside_{abs(hash(request.node.name))}"
    file = package(tmp_path / "one", name, text)
    package(tmp_path / "two", f"{name}_sound", sound(name))
    params = with_plugins(bad="one", good="two")
    with pytest.raises(HeadwaterError) as error:
        known_systems(params, tmp_path)
    message = str(error.value)
    place = f"{file}, line {line}" if line else ""
    assert message.startswith(f"params.yaml: plugins.bad: {place}")
    assert said in message
    assert message.endswith("; mend it or take it out")
    assert "\n" not in message
    systems, faults = sound_systems(params, tmp_path)
    assert set(systems) == {*SYSTEMS, name}
    assert faults == [message]
    assert f"{name}_fields" in known_challenges(params, tmp_path)


def test_a_sound_system_is_there_beside_a_broken_package(tmp_path: Path) -> None:
    package(tmp_path / "one", "outside_broken_beside", "raise RuntimeError\nSYSTEM = 1\n")
    package(tmp_path / "two", "outside_sound_beside", sound("sound_beside"))
    params = with_plugins(bad="one", gone="nowhere", good="two")
    for name in ("glvd", "sound_beside"):
        assert find_system(name, params, tmp_path).name == name
    with pytest.raises(HeadwaterError) as error:
        find_system("outside_broken", params, tmp_path)
    gone, broken, known = str(error.value).split("\n")
    assert broken.startswith("params.yaml: plugins.bad: ")
    assert gone.startswith("params.yaml: plugins.gone is 'nowhere', but there is no such folder")
    assert known.startswith("unknown system 'outside_broken'; ")


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("inside", ["outside_helper/__init__.py", "outside_helper.py"])
def test_a_helper_that_would_be_another_plugins_is_refused(tmp_path: Path, inside: str) -> None:
    name = f"outside_{abs(hash(inside))}"
    text = "def late():\n    import outside_between_{}\n"
    for number, folder in enumerate(("one", "two")):
        package(tmp_path / folder, f"{name}_{folder}", text.format(number) + sound(f"s{number}"))
        between = tmp_path / folder / f"outside_between_{number}.py"
        between.write_text("from outside_helper import RATE\n")
        (tmp_path / folder / inside).parent.mkdir(exist_ok=True)
        (tmp_path / folder / inside).write_text(f"RATE = {number}\n")
    params = with_plugins(one="one", two="two")
    with pytest.raises(HeadwaterError) as error:
        known_systems(params, tmp_path)
    assert find_system("s0", params, tmp_path).name == "s0"
    assert str(error.value) == (
        f"params.yaml: plugins.two: {tmp_path / 'two' / 'outside_helper'}: there is a package of "
        "this name already; rename it"
    )


def test_a_helper_that_nothing_imports_may_have_any_name(tmp_path: Path) -> None:
    package(tmp_path / "one", "outside_with_tests", sound("with_tests"))
    package(tmp_path / "one", "tests", "from tests.more import made\n")
    params = with_plugins(one="one")
    assert find_system("with_tests", params, tmp_path).name == "with_tests"


def test_an_installed_package_is_known_or_named(tmp_path: Path) -> None:
    sys.path.insert(0, str(tmp_path))
    metadata = tmp_path / "outside_installed-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: outside-installed\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[headwater.systems]\na = outside_installed\nb = outside_installed_broken.systems\n"
    )
    package(tmp_path, "outside_installed", sound("installed"))
    broken = package(tmp_path, "outside_installed_broken", "")
    (broken.parent / "systems.py").write_text("\nfrom json import nothing\n")
    systems, faults = sound_systems(with_plugins(), tmp_path)
    assert set(systems) == {*SYSTEMS, "installed"}
    (fault,) = faults
    place = f"entry point b of headwater.systems: {broken.parent / 'systems.py'}, line 2"
    assert fault.startswith(f"{place}: ImportError: cannot import name 'nothing'")


def test_the_list_names_challenges_that_are_none(tmp_path: Path) -> None:
    text = sound("unjudged").replace("CHALLENGE = Challenge(", "CHALLENGE = dict(")
    file = package(tmp_path, "outside_unjudged", text)
    _, faults = listing(with_plugins(bad="."), tmp_path)
    assert faults == [f"{file}: CHALLENGE is no Challenge; see headwater.evaluation.challenge"]


def test_an_interrupt_is_none_of_its_faults(tmp_path: Path) -> None:
    package(tmp_path, "outside_interrupted", "raise KeyboardInterrupt\nSYSTEM = 1\n")
    with pytest.raises(KeyboardInterrupt):
        known_systems(with_plugins(bad="."), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SYSTEM = 1\n", "SYSTEM is no System; see"),
        (
            SOUND.replace('sizes={"smoke": ToyConfig()}', "sizes={}"),
            "system 'toy': it has no sizes; give it one",
        ),
        (sound("glvd"), "there is a system 'glvd' already, of headwater.systems.glvd; rename"),
    ],
)
def test_a_system_that_is_none_is_named(
    tmp_path: Path, request: pytest.FixtureRequest, text: str, said: str
) -> None:
    file = package(tmp_path, f"outside_{abs(hash(request.node.name))}", text)
    systems, faults = sound_systems(with_plugins(bad="."), tmp_path)
    assert systems == SYSTEMS
    assert len(faults) == 1
    assert faults[0].startswith(f"{file}: {said}")


def test_helpers_and_tests_beside_a_system_are_left_alone(tmp_path: Path) -> None:
    package(tmp_path, "outside_beside", sound("beside"))
    package(tmp_path, "outside_challenge_alone", sound("alone").replace("SYSTEM = ", "OTHER = "))
    package(tmp_path, "outside_helpers", "raise RuntimeError\n")
    package(tmp_path, "tests", "")
    package(tmp_path, "json", "X = 1\n")
    params = with_plugins(mine=".")
    assert set(known_systems(params, tmp_path)) == {*SYSTEMS, "beside"}
    assert {"beside_fields", "alone_fields"} <= set(known_challenges(params, tmp_path))


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("nowhere", "is 'nowhere', but there is no such folder"),
        ("params.yaml", "is 'params.yaml', but there is no such folder"),
        ("a\0b", r"is 'a\\x00b', which is no path \(.*null (byte|character)"),
        ("x" * 300, r"is 'xxx+', which is no path \(File name too long\)"),
        ("~/plugin", "is '~/plugin', but DVC knows no ~; write the path in full"),
        ("empty", "is 'empty', a folder without a package that has a SYSTEM or a CHALLENGE"),
        ("pipe", "is 'pipe', where a file cannot be read"),
    ],
)
def test_a_folder_that_holds_no_system_is_named(tmp_path: Path, folder: str, said: str) -> None:
    (tmp_path / "params.yaml").touch()
    package(tmp_path / "empty", "outside_helper", "X = 1\n")
    (tmp_path / "pipe" / "outside_pipe").mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe" / "outside_pipe" / "__init__.py")
    with pytest.raises(HeadwaterError, match=rf"^params\.yaml: plugins\.mine {said}") as error:
        known_systems(with_plugins(mine=folder), tmp_path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Parameters with a plugin that ends the process, a sound one, and one of a strange title."""
    package(tmp_path / "ends", "ends", "import sys\nsys.exit(0)\nSYSTEM = 1\n")
    package(tmp_path / "good", "good", sound("good"))
    title = 'title="[bold red]x[/] [/nope]"'
    odd = sound("odd").replace('title="Toy fields"', title)
    package(tmp_path / "odd", "odd", odd)
    text = (PROJECT / "params.yaml").read_text()
    plugins = "plugins: {ends: ends, good: good, odd: odd}"
    (tmp_path / "params.yaml").write_text(text.replace("plugins: {}", plugins))
    return tmp_path


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", *arguments),
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_commands_end_with_the_sentence_and_the_list_shows_the_others(project: Path) -> None:
    place = f"plugins.ends: {project}/ends/ends/__init__.py, line 2: SystemExit: 0; mend it"
    listed = python(project, "headwater", "systems")
    assert listed.returncode == 2
    assert listed.stderr.startswith(f"error: params.yaml: {place}")
    assert listed.stderr.count("\n") == 1
    lines = listed.stdout.splitlines()
    assert lines.pop().startswith("*: the size that is built")
    titles = [line[lines[0].index("title") :].split("  ")[0] for line in lines[1:]]
    assert titles == [
        *(system.title for system in SYSTEMS.values()),
        "Toy fields",
        "[bold red]x[/] [/nope]",
    ]
    assert python(project, "headwater", "systems", "good").returncode == 0
    for command in (("tasks.code",), ("flows",), ("headwater", "systems", "ends")):
        done = python(project, *command)
        assert (done.returncode, place in done.stderr) == (2, True), done.stderr
        assert "Traceback" not in done.stdout + done.stderr
