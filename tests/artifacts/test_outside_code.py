"""Code of others counts as a whole, whatever its form, with all that it imports of ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.artifacts import code, modules
from headwater.artifacts.code import Home, code_of_object
from headwater.artifacts.modules import OURS
from headwater.errors import HeadwaterError

pytestmark = pytest.mark.fault("old weights are never taken for those of new code")

SYSTEM = """
import functools
REGISTERED = {}
def register(f):
    REGISTERED[f.__name__] = f
    return f
def make(k):
    return lambda x: k * x
@register
def answer(x):
    return x + 1
class Base: ...
class Only(Base):
    side = 3
SYSTEM = (make(2), lambda x: 5 * x, functools.partial(answer, x=7), REGISTERED["answer"])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of a system from outside, beside a package that stands for ours."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "others" / "outer").mkdir(parents=True)
    for name, text in {
        "ours/__init__.py": "",
        "ours/used.py": "def used(x):\n    return 2 * x\ndef unused(x):\n    return 3 * x\n",
        "others/outer/__init__.py": SYSTEM,
        "others/outer/more.py": "K = 1\n",
        "others/outer/table.json": "1",
        "others/beside.py": "K = 1\n",
        "others/points.txt": "1",
        "others/outer/.rate": "1",
    }.items():
        (tmp_path / name).write_text(text)
    for place in (tmp_path, tmp_path / "others"):
        monkeypatch.syspath_prepend(str(place))
    for module in (code, modules):
        monkeypatch.setattr(module, "OURS", (*OURS, "ours"))
    monkeypatch.setattr(modules, "STARTED_NS", 2**63)
    code.forget()
    yield tmp_path / "others"
    code.forget()


def digest(folder: Path | None) -> str:
    code.forget()
    return code_of_object(Home("outer", folder), []).code


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("outer/__init__.py", "make(2)", "make(3)"),
        ("outer/__init__.py", "k * x", "k + x"),
        ("outer/__init__.py", "5 * x", "6 * x"),
        ("outer/__init__.py", "x=7", "x=8"),
        ("outer/__init__.py", "x + 1", "x + 2"),
        ("outer/__init__.py", "side = 3", "side = 4"),
        ("outer/more.py", "1", "2"),
        ("outer/table.json", "1", "2"),
        ("beside.py", "1", "2"),
        ("points.txt", "1", "2"),
        ("outer/.rate", "1", "2"),
    ],
)
def test_every_file_counts_whatever_its_form(folder: Path, file: str, old: str, new: str) -> None:
    before = digest(folder)
    text = (folder / file).read_text()
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new))
    assert digest(folder) != before


def test_comments_hidden_folders_files_of_tools_and_bytecode_do_not_count(folder: Path) -> None:
    before = digest(folder)
    (folder / "outer" / "__init__.py").write_text(f'"""Says."""\n# So.\n{SYSTEM}')
    (folder / "outer" / "__pycache__").mkdir()
    (folder / "outer" / "__pycache__" / "more.pyc").write_bytes(b"1")
    (folder / ".git").mkdir()
    (folder / ".git" / "index").write_bytes(b"1")
    (folder / ".venv").symlink_to(folder / ".git")
    for name in (".DS_Store", ".coverage", ".gitignore", ".more.py.swp"):
        (folder / "outer" / name).write_bytes(b"1")
    assert digest(folder) == before


@pytest.mark.parametrize("target", ["elsewhere", "nowhere", "."])
def test_a_link_to_a_folder_is_refused(folder: Path, target: str) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "elsewhere" / "rate.json").write_text("1")
    link = folder / "outer" / "tables"
    link.symlink_to(folder.parent / target if target != "." else folder)
    with pytest.raises(HeadwaterError) as error:
        digest(folder)
    assert str(error.value) == (
        f"{link}: is a link to a folder or to nothing, which DVC does not follow; "
        "put what it means there itself"
    )


def test_a_link_to_a_file_counts_by_what_is_in_it(folder: Path) -> None:
    (folder.parent / "rate.json").write_text("1")
    (folder / "outer" / "rate.json").symlink_to(folder.parent / "rate.json")
    before = digest(folder)
    (folder.parent / "rate.json").write_text("2")
    assert digest(folder) != before


def test_python_that_cannot_be_read_counts_by_its_bytes(folder: Path) -> None:
    (folder / "old.py").write_text("print 1\n")
    before = digest(folder)
    (folder / "old.py").write_text("print 2\n")
    assert digest(folder) != before


def test_the_folder_counts_wherever_it_lies(folder: Path) -> None:
    before = digest(folder)
    assert digest(folder.rename(folder.with_name("elsewhere"))) == before


def test_of_a_package_that_no_folder_names_its_own_files_count(folder: Path) -> None:
    before = digest(None)
    (folder / "points.txt").write_text("2")
    assert digest(None) == before
    (folder / "outer" / "table.json").write_text("2")
    assert digest(None) != before


@pytest.mark.parametrize(
    ("text", "follows_unused"),
    [
        ("from ours.used import used\n", False),
        ("def f():\n    from ours.used import used as g\n    return g(1)\n", False),
        ("if True:\n    from ours.used import used\n", False),
        ("try:\n    from ours.used import used\nexcept ImportError:\n    used = None\n", False),
        ("from ours.used import *\n", True),
        ("import ours.used as u\ngetattr(u, 'us' + 'ed')\n", True),
        ("from ours import used\n", True),
        ("from importlib import import_module\nimport_module('ours.used')\n", True),
        ("__import__('ours.used')\n", True),
    ],
)
def test_all_that_it_imports_of_ours_counts_in_any_form(
    folder: Path, text: str, follows_unused: bool
) -> None:
    (folder / "beside.py").write_text(text)
    ours = folder.parent / "ours" / "used.py"
    was = ours.read_text()
    before = digest(folder)
    ours.write_text(was.replace("2 * x", "4 * x"))
    assert digest(folder) != before
    ours.write_text(was.replace("3 * x", "5 * x"))
    assert (digest(folder) != before) == follows_unused


def test_a_package_of_others_elsewhere_counts_where_it_is_imported(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = folder.parent / "place" / "third"
    third.mkdir(parents=True)
    (third / "__init__.py").touch()
    (third / "deep.py").write_text("K = 1\n")
    (folder / "beside.py").write_text("def f():\n    import third\n")
    monkeypatch.syspath_prepend(str(third.parent))
    before = digest(folder)
    (third / "deep.py").write_text("K = 2\n")
    assert digest(folder) != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("K = 1\ndef (", ", line 2: SyntaxError: invalid syntax"),
        ("K = '\0'", ": SyntaxError: source code .*null bytes"),
        ("# -*- coding: nothing -*-", ": SyntaxError: unknown encoding: nothing"),
        ("K = " + "-" * 100_000 + "1", ": (Recursion|Memory)Error: "),
    ],
)
def test_a_module_that_cannot_be_read_is_named_with_its_line(
    folder: Path, text: str, said: str
) -> None:
    (folder / "outer" / "__init__.py").write_text("def answer():\n    from outer.more import K\n")
    (folder / "outer" / "more.py").write_text(text)
    with pytest.raises(HeadwaterError, match=rf"outer/more\.py{said}.*; mend it$"):
        digest(folder)
