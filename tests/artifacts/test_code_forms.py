"""Forms in our own code that would hide from its fingerprints what is executed are refused."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.artifacts.modules import OURS
from headwater.artifacts.syntax import (
    NAMED_AS_TEXT,
    OWN_PACKAGE,
    calls_of,
    chains,
    first_argument,
    is_guard,
)

PROJECT = Path(__file__).resolve().parents[2]

# Forms that make or take a definition where no one who reads the code can see it.
HIDDEN = (
    "*",
    "globals",
    "locals",
    "eval",
    "exec",
    "__import__",
    "__subclasses__",
    "__init_subclass__",
    "__dict__",
    "__doc__",
    "__file__",
    "compile",
)
# Systems and challenges that are looked up by their folders are followed from their own homes; the
# others are of installed packages, say where the repository lies, or are a limit that the module's
# own functions follow.
KNOWN = {
    "headwater/apart.py: __file__",
    "headwater/artifacts/code.py: sys.modules",
    "headwater/artifacts/code.py: version(name)",
    "headwater/artifacts/code.py: version(top)",
    "headwater/artifacts/modules.py: __file__",
    "headwater/artifacts/modules.py: find_spec(top)",
    "headwater/evaluation/challenge.py: import_module(f'{package.__name__}.{name}')",
    "headwater/evaluation/draws.py: sys.modules",
    "headwater/faces/mediapipe_adapter.py: PathFinder.find_spec(fullname, path, target)",
    "headwater/faces/mediapipe_adapter.py: mediapipe.__file__",
    "headwater/photos/pixels.py: Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2",
    "headwater/rendering/calibrate_landmarks.py: __file__",
    "headwater/report/making.py: version(package)",
    "headwater/systems/__init__.py: import_module(f'{__name__}.{name}')",
    "headwater/systems/__init__.py: module.__file__",
    "headwater/systems/homes.py: import_module(f'{package.__name__}.{one.name}')",
    "headwater/systems/homes.py: module.__file__",
    "headwater/systems/outside.py: __file__",
    "headwater/systems/outside.py: find_spec(name)",
    "headwater/systems/outside.py: import_module(name)",
    "tasks/runners.py: sys.modules",
    "tasks/workers.py: import_module(f'tasks.{name}')",
}
DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPOUND = (ast.If, ast.Try, ast.With, ast.For, ast.While)


def hidden(tree: ast.Module) -> Iterator[ast.AST]:
    """Nodes of such forms in a module of ours."""
    made = {one.name for one in tree.body if isinstance(one, DEFINED)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(OURS):
            made |= {alias.asname or alias.name for alias in node.names}
        name = node.id if isinstance(node, ast.Name) else getattr(node, "name", "")
        # Networks have a method ``eval``.
        if isinstance(node, ast.Attribute) and node.attr.startswith("__"):
            name = node.attr
        if name in HIDDEN or isinstance(node, ast.Global):
            yield node
    yield from looked_up(tree)
    for statement in tree.body:
        for decorator in getattr(statement, "decorator_list", []):
            if {chain[0] for chain in chains(decorator)} & made:
                yield decorator
    yield from conditional(tree)
    yield from patched(tree)


def patched(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements at the top of a module that change what it imports: others use that too."""
    imports = (one for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom))
    names = (alias.asname or alias.name for one in imports for alias in one.names)
    imported = {name.partition(".")[0] for name in names}
    for statement in tree.body:
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        for target in targets:
            if isinstance(target, ast.Attribute | ast.Subscript) and (
                {chain[0] for chain in chains(target.value)} & imported
            ):
                yield statement


def conditional(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements at the top of a module round others."""
    for statement in tree.body:
        types = isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
        if isinstance(statement, COMPOUND) and not is_guard(statement) and not types:
            yield statement


def looked_up(tree: ast.Module) -> Iterator[ast.AST]:
    """Modules and files whose names are made while it runs, and names of a module as a table."""
    for call in calls_of(NAMED_AS_TEXT, tree):
        if not isinstance(first_argument(call), ast.Constant) and not _of_own_package(call):
            yield call
    yield from (call for call in calls_of(("vars",), tree) if not call.args)
    if any(chain[:2] == ("sys", "modules") for chain in chains(tree)):
        yield ast.Name("sys.modules")


def _of_own_package(call: ast.Call) -> bool:
    first = first_argument(call)
    return first is None or (isinstance(first, ast.Name) and first.id in OWN_PACKAGE)


def test_our_own_code_has_no_form_that_cannot_be_followed() -> None:
    """Of ours single definitions are followed: what does not show in them would be in no key."""
    paths = [*PROJECT.glob("headwater/**/*.py"), *PROJECT.glob("tasks/**/*.py")]
    places = {
        f"{path.relative_to(PROJECT).as_posix()}: {ast.unparse(node)}"
        for path in paths
        for node in hidden(ast.parse(path.read_bytes()))
    }
    assert places == KNOWN


@pytest.mark.parametrize(
    "text",
    [
        "from headwater.errors import *",
        "import headwater.threads\nheadwater.threads.ONE_THREAD = {}",
        "from headwater.training.run import Run\nRun.seed = 3",
        "from headwater.threads import ONE_THREAD\nONE_THREAD['a'] = '2'",
        "if x:\n    from headwater.errors import HeadwaterError",
        "def register(f): ...\n@register\ndef f(): ...",
        "def f(): return globals()['g']()",
        "def f(): return g.__subclasses__()",
        "def f():\n    global K\n    K = 2",
        "@functools.singledispatch\ndef f(): ...\n@f.register\ndef _(x: int): ...",
        "import sys\ndef f(): return getattr(sys.modules[__name__], 'g')()",
        "def f(): return vars()['g']()",
        "def f(): return C.__dict__['g']()",
        "def f(): return int(f.__doc__)",
        "def f(): return Path(__file__).with_name('d.json').read_text()",
        "def f(): return import_module(f'{__package__}.b')",
        "def f(name): return importlib.resources.files(name).joinpath('d.json').read_text()",
    ],
)
def test_forms_that_cannot_be_followed_are_seen(text: str) -> None:
    assert list(hidden(ast.parse(text)))
