"""Code fingerprints follow what is executed: no comment, every function, every table by itself."""

import ast
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from made_functions import Called, made

from headwater.artifacts import code, modules
from headwater.artifacts.code import Home, code_of, code_of_functions, code_of_object
from headwater.artifacts.modules import OURS, Name
from headwater.artifacts.schemas import STEPS
from headwater.artifacts.syntax import normal
from headwater.errors import HeadwaterError
from tasks.recorded_code import code_text
from tests.artifacts.conftest import digest, write

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code that may be edited."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("headwater", "tasks"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    return folder


@pytest.fixture
def fingerprints(
    checkout: Path, edited_before: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Path], dict[str, str]]]:
    """A function that gives the fingerprint of every bucketed step's code in a checkout."""
    top_folder = modules.top_folder

    def of(folder: Path) -> dict[str, str]:
        code.forget()
        within = cache(lambda top: folder / top if top in OURS else top_folder(top))
        for module in (code, modules):
            monkeypatch.setattr(module, "top_folder", within)
        return {step: code_text(Name(f"tasks.{step}", "STEP")) for step in STEPS}

    yield of
    monkeypatch.undo()
    code.forget()


@pytest.fixture(scope="module")
def unedited() -> dict[str, str]:
    """Fingerprints of the checkout as it is, once they are known."""
    return {}


@pytest.fixture
def stale(
    checkout: Path, fingerprints: Callable[[Path], dict[str, str]], unedited: dict[str, str]
) -> Callable[[dict[str, "Edit"]], set[str]]:
    """A function that gives the steps whose code differs after edits of files."""

    def after(edits: dict[str, Edit]) -> set[str]:
        before = unedited or fingerprints(checkout)
        unedited.update(before)
        texts = {file: (checkout / file).read_text() for file in edits}
        for file, edit in edits.items():
            assert edit(texts[file]) != texts[file]
            (checkout / file).write_text(edit(texts[file]))
        try:
            changed = fingerprints(checkout)
        finally:
            for file, text in texts.items():
                (checkout / file).write_text(text)
        return {step for step in STEPS if changed[step] != before[step]}

    return after


Edit = Callable[[str], str]


def replaced(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        return text.replace(old, new)

    return edit


def commented(text: str) -> str:
    return f"# A comment.\n{text}\n\n# Another one.\n"


def other_return(text: str) -> str:
    return text.replace("return ", "return None or ", 1)


@pytest.mark.fault("an edit makes exactly its users stale, and a comment nothing")
@pytest.mark.parametrize(
    ("file", "edit", "wanted"),
    [
        ("headwater/artifacts/schemas.py", replaced('"signed distance samples of', '"samples of'),
         {"sdf"}),
        ("headwater/artifacts/schemas.py", replaced('"the same, of the outer eye', '"of the eye'),
         {"cameras", "expressions", "maps"}),
        ("headwater/faces/aspect_ratios.py", other_return, {"landmarks", "expressions"}),
        ("tasks/head_model.py", replaced("with_landmarks(store", "(with_landmarks)(1 and store"),
         {"synthesize", "cameras", "expressions", "sdf", "maps"}),
        ("headwater/artifacts/ids.py", replaced(':16], 16) >> 1', ':16], 16) >> 2'),
         {"synthesize", "expressions", "sdf"}),
        ("headwater/heads/landmarks_anny.json", lambda text: text.replace("455", "466", 1),
         {"synthesize", "cameras", "expressions", "sdf", "maps"}),
        ("headwater/artifacts/tables.py", replaced("def to_table(", "def to_table(*_, "),
         set(STEPS)),
        ("headwater/pipeline/run.py", replaced("(missing):", "(list(missing)):"),
         set(STEPS)),
    ],
)  # fmt: skip
def test_an_edit_makes_exactly_its_users_stale(
    stale: Callable[[dict[str, Edit]], set[str]], file: str, edit: Edit, wanted: set[str]
) -> None:
    assert stale({file: edit}) == wanted


@pytest.mark.fault("an edit makes exactly its users stale, and a comment nothing")
def test_comments_and_what_no_step_executes_make_nothing_stale(
    stale: Callable[[dict[str, Edit]], set[str]],
) -> None:
    edits = {
        "headwater/artifacts/schemas.py": commented,
        "headwater/artifacts/evaluate_schemas.py": commented,
        "headwater/errors.py": commented,
        "tasks/head_model.py": commented,
        "headwater/faces/parts.py": lambda text: text.replace('"""', '"""So. ', 1),
        "headwater/systems/lvd/README.md": commented,
        "headwater/report/charts.py": other_return,
        "tasks/console.py": other_return,
        "headwater/config.py": lambda text: text.replace("ge=64", "ge=65"),
    }
    assert stale(edits) == set()


def test_the_same_code_elsewhere_has_the_same_fingerprint(
    checkout: Path,
    fingerprints: Callable[[Path], dict[str, str]],
    unedited: dict[str, str],
    tmp_path: Path,
) -> None:
    moved = tmp_path / "moved elsewhere"
    shutil.copytree(checkout, moved)
    assert fingerprints(moved) == (unedited or fingerprints(checkout))


NAMES = ("area", "unrelated", "late", "mean", "look", "scaled", "elsewhere")
MAIN = {
    "__init__": "",
    "main": (
        "import numpy as np\n"
        "from toypackage import other\n"
        "from toypackage.shapes import Circle as Round, AREA\n"
        "def area(r): return Round(r).area() + other.twice(AREA)\n"
        "def unrelated(): return 1\n"
        "def late():\n"
        "    from toypackage.other import thrice\n"
        "    return thrice(2)\n"
        "def mean(x): return np.mean(x)\n"
        "TABLE = {}\n"
        "TABLE['area'] = area\n"
        "SQUARES = {unit: area(unit) for unit in (1, 2)}\n"
        "def scaled(unit): return unit * 2\n"
        "def elsewhere(): return run(other.__name__)\n"
        "def look(name): return TABLE[name]\n"
    ),
    "other": "def twice(x): return 2 * x\ndef thrice(x): return 3 * x\n",
    "shapes": (
        "AREA = 3\nclass Base:\n    def area(self): return self.r ** 2\n"
        "class Circle(Base):\n    def __init__(self, r): self.r = r\n"
    ),
}


@pytest.mark.fault("an edit makes exactly its users stale, and a comment nothing")
@pytest.mark.parametrize(
    ("module", "old", "new", "stale"),
    [
        ("other", "2 * x", "x + x", {"area", "look", "elsewhere"}),
        ("other", "3 * x", "x + x + x", {"late", "elsewhere"}),
        ("shapes", "self.r ** 2", "self.r * self.r", {"area", "look"}),
        ("shapes", "AREA = 3", "AREA = 4", {"area", "look"}),
        ("main", "return 1", "return 2", {"unrelated"}),
        ("main", "TABLE = {}", "TABLE = dict()", {"look"}),
        ("other", "def twice", "print()\ndef twice", {"area", "look", "late", "elsewhere"}),
        ("other", "def twice", "'a string alone'\ndef twice", set()),
        ("__init__", "", "print(1)\n", set(NAMES)),
    ],
)  # fmt: skip
def test_names_are_followed_through_imports_classes_and_tables(
    package: Path, module: str, old: str, new: str, stale: set[str]
) -> None:
    write(package, **MAIN)
    known = {name: digest(name) for name in NAMES}
    text = MAIN[module]
    write(package, **{module: text.replace(old, new, 1) if old else new})
    assert {name for name in NAMES if digest(name) != known[name]} == stale


@pytest.mark.fault("results of other versions of packages are never taken for those of these")
def test_packages_that_are_used_count_by_their_version(package: Path) -> None:
    from importlib.metadata import version

    write(package, **MAIN)
    assert code_of(frozenset({Name("toypackage.main", "mean")})).packages == {
        "numpy": version("numpy")
    }
    assert code_of(frozenset({Name("toypackage.main", "unrelated")})).packages == {}


def test_a_definition_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match=r"headwater\.errors has no Nothing"):
        code_of(frozenset({Name("headwater.errors", "Nothing")}))


def test_a_method_stands_for_its_class_and_a_lambda_of_a_step_for_its_value() -> None:
    assert code_of_functions([modules.Module.statements]) == code_of(
        frozenset({Name("headwater.artifacts.modules", "Module")})
    )
    assert code_of_functions([lambda: 1]) == code_of(frozenset())


UNFOLLOWED = [lambda: 1, partial(made), made(), Called(), Called().method]


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("function", UNFOLLOWED)
def test_a_function_that_is_no_definition_stands_for_its_whole_module(
    function: Callable[..., int],
) -> None:
    home = "headwater.artifacts.modules"
    whole = code_of(frozenset({Name(home, "")}))
    assert code_of_object(Home(home), [function]) == whole
    assert code_of_object(Home(home), [modules.unedited]) != whole


def test_a_function_within_another_stands_for_the_one_round_it() -> None:
    names = {Name(made.__module__, "made")}
    assert code_of_functions([made()]) == code_of(frozenset(names))
    names = {Name(Called.__module__, "Called")}
    assert code_of_functions([Called().method]) == code_of(frozenset(names))
    assert code_of_functions([made()]) != code_of_functions([Called().method])


@pytest.mark.parametrize("function", [partial(made), Called()])
def test_a_function_of_a_step_that_is_no_definition_is_refused(
    function: Callable[..., int],
) -> None:
    with pytest.raises(HeadwaterError, match="define it at the top of a module"):
        code_of_functions([function])


@pytest.mark.fault("an edit makes exactly its users stale, and a comment nothing")
def test_text_of_a_tree_does_not_tell_layout_or_docstrings() -> None:
    one = ast.parse('def f(x):\n    """Says."""\n    return x + 1  # plus\n')
    two = ast.parse("def f( x ):\n\n    return (x\n        + 1)\n")
    assert normal(one) == normal(two)
    assert normal(one) != normal(ast.parse("def f(x):\n    return x + 2\n"))
    assert normal(ast.parse("x = 1")) != normal(ast.parse("x = 1.0"))
    assert normal(ast.parse("x = 'a'")) != normal(ast.parse("x = b'a'"))


@pytest.mark.fault("old weights are never taken for those of new code")
def test_code_that_was_edited_while_it_ran_has_no_fingerprint(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(package, **MAIN)
    known = digest("area")
    code.forget()
    monkeypatch.setattr(modules, "STARTED_NS", (package / "main.py").stat().st_mtime_ns - 1)
    with pytest.raises(HeadwaterError, match=r"main\.py: was edited while it was in use"):
        digest("area")
    tomorrow = time.time() + 86_400
    for path in package.glob("*.py"):
        os.utime(path, (tomorrow, tomorrow))
    code.forget()
    assert digest("area") == known
