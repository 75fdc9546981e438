"""Functions that an object holds are followed to their code whatever made them, or refused."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from headwater.artifacts.code import Home, code_of_functions, code_of_object
from headwater.errors import HeadwaterError
from tests.artifacts.conftest import write

pytestmark = pytest.mark.fault("old weights are never taken for those of new code")

TRAIN = "def train(x): return x + 1\n"
TIMES = (
    "import functools\n"
    "def times(n):\n"
    "    def around(f):\n"
    "        @functools.wraps(f)\n"
    "        def inner(x): return [f(x) for _ in range(n)]\n"
    "        return inner\n"
    "    return around\n"
)
CLASSES = (
    "class Base:\n"
    "    depth = 1\n"
    "    @classmethod\n"
    "    def train(cls, x): return cls.depth\n"
    "    @staticmethod\n"
    "    def fixed(x): return 7\n"
    "    def bound(self, x): return self.depth\n"
    "class Mine(Base):\n"
    "    depth = 2\n"
)
FORMS = {
    "argument of a decorator": (f"{TIMES}{TRAIN}it = times(2)(train)\n", "times(2)", "times(3)"),
    "decorator": (f"{TIMES}{TRAIN}it = times(2)(train)\n", "range(n)", "range(n + 1)"),
    "what is decorated": (f"{TIMES}{TRAIN}it = times(2)(train)\n", "x + 1", "x + 2"),
    "decorated in place": (f"{TIMES}@times(2)\n{TRAIN}it = train\n", "times(2)", "times(3)"),
    "class of an inherited class method": (f"{CLASSES}it = Mine.train\n", "depth = 2", "depth = 3"),
    "inherited class method": (f"{CLASSES}it = Mine.train\n", "cls.depth\n", "-cls.depth\n"),
    "inherited static method": (f"{CLASSES}it = Mine.fixed\n", "return 7", "return 8"),
    "class of an inherited method": (f"{CLASSES}it = Mine().bound\n", "depth = 2", "depth = 3"),
    "cached": (f"import functools\n@functools.cache\n{TRAIN}it = train\n", "x + 1", "x + 2"),
    "replaced later": (f"{TRAIN}def other(x): return 5\ntrain = other\nit = train\n", "5", "6"),
    "lambda": (f"{TRAIN}it = lambda x: train(2 * x)\n", "2 * x", "3 * x"),
}


@pytest.fixture
def made(package: Path) -> Iterator[Callable[[str], Any]]:
    """A function that gives what a module of this text calls ``it``."""

    def it(text: str) -> Any:
        write(package, __init__="", main=text)
        for name in [one for one in sys.modules if one.startswith("toypackage")]:
            del sys.modules[name]
        return import_module("toypackage.main").it

    # The same size and second of an edited file would pass for its compiled self.
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    yield it
    sys.dont_write_bytecode = before
    for name in [one for one in sys.modules if one.startswith("toypackage")]:
        del sys.modules[name]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_followed(made: Callable[[str], Any], form: str) -> None:
    text, old, new = FORMS[form]
    home = Home("toypackage.main")
    before = code_of_object(home, [made(text)])
    assert code_of_object(home, [made(f"# A comment.\n{text}")]) == before
    assert text.count(old) == 1
    assert code_of_object(home, [made(text.replace(old, new))]) != before


def test_a_plain_function_alone_counts(made: Callable[[str], Any]) -> None:
    text = f"{TRAIN}def other(x): return 5\nit = train\n"
    home = Home("toypackage.main")
    before = code_of_object(home, [made(text)])
    assert code_of_object(home, [made(text.replace("5", "6"))]) == before


def test_a_function_of_a_step_under_the_name_of_another_is_refused(
    made: Callable[[str], Any],
) -> None:
    with pytest.raises(HeadwaterError, match="define it at the top of a module"):
        code_of_functions([made(FORMS["argument of a decorator"][0])])


def test_a_class_method_of_a_step_stands_for_the_class_that_it_is_bound_to(
    made: Callable[[str], Any],
) -> None:
    text = f"{CLASSES}it = Mine.train\n"
    before = code_of_functions([made(text)])
    assert code_of_functions([made(text.replace("depth = 2", "depth = 3"))]) != before


READS = "{imports}def it(): return {place}.joinpath('d.txt').read_text()\n"


@pytest.mark.parametrize(
    "place",
    [
        "files('toypackage')",
        "files(__package__)",
        "files(__name__)",
        "files(anchor=__package__)",
        "files(anchor='toypackage')",
    ],
)
def test_files_that_a_package_reads_of_itself_count(
    package: Path, made: Callable[[str], Any], place: str
) -> None:
    text = READS.format(imports="from importlib.resources import files\n", place=place)
    (package / "d.txt").write_text("1")
    before = code_of_functions([made(text)])
    (package / "d.txt").write_text("2")
    assert code_of_functions([made(text)]) != before


@pytest.mark.parametrize(
    "call",
    [
        "'.deep', __package__",
        "'.deep', package='toypackage'",
        "'toypackage.deep'",
        "name='toypackage.deep'",
    ],
)
def test_modules_that_are_named_as_text_count(
    package: Path, made: Callable[[str], Any], call: str
) -> None:
    text = f"from importlib import import_module\ndef it(): return import_module({call}).K\n"
    write(package, deep="K = 1\n")
    before = code_of_functions([made(text)])
    write(package, deep="K = 2\n")
    assert code_of_functions([made(text)]) != before


@pytest.mark.parametrize("text", ["''", "'.'", "'....far.off'", "'no such name'", r"'\0'"])
def test_text_that_names_no_module_counts_nothing(made: Callable[[str], Any], text: str) -> None:
    lines = f"from importlib.metadata import version\ndef it(): return version({text})\n"
    assert code_of_functions([made(lines)]).packages == {}
