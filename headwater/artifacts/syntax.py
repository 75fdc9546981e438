"""Python's syntax trees: names that a statement gives and reads, and trees as text."""

import ast
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

# Their first argument is the name of a module or a package.
NAMED_AS_TEXT: Final = ("import_module", "__import__", "find_spec", "version", "files")
# Names of the package that a module lies in.
OWN_PACKAGE: Final = ("__package__", "__name__")


def normal(node: Any) -> str:
    """A syntax tree as text, the same under every Python: no positions, docstrings, empty fields.

    A new release of Python may give its nodes new fields, which are empty in code that does not
    use them.
    """
    if isinstance(node, list):
        return f"[{','.join(normal(one) for one in node if not is_text(one))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={normal(value)}"
        for name, value in ast.iter_fields(node)
        if value is not None and value != [] and name not in ("ctx", "type_comment", "kind")
    ]
    return f"{type(node).__name__}({','.join(fields)})"


def chains(node: ast.AST) -> list[tuple[str, ...]]:
    """Dotted names that a piece of code reads, as tuples: ``a.b.c`` as ("a", "b", "c")."""
    found: list[tuple[str, ...]] = []

    def visit(part: ast.AST, after: tuple[str, ...]) -> None:
        if isinstance(part, ast.Attribute):
            visit(part.value, (part.attr, *after))
        elif isinstance(part, ast.Name):
            found.append((part.id, *after))
        else:
            for child in ast.iter_child_nodes(part):
                visit(child, ())

    visit(node, ())
    return found


def bound_by(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement gives a value."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if is_guard(statement):
        return set()
    # The variables of a comprehension are its own.
    own = {
        id(name)
        for node in ast.walk(statement)
        if isinstance(node, ast.comprehension)
        for name in ast.walk(node.target)
    }
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in own:
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            # ``TABLE[key] = value`` changes TABLE.
            names |= {chain[0] for chain in chains(node.value)}
    return names


def has_effect(statement: ast.stmt) -> bool:
    """True for a top-level statement with an effect that no name of the module stands for."""
    plain = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    if isinstance(statement, plain) or is_guard(statement) or is_text(statement):
        return False
    return not bound_by(statement)


def is_guard(statement: ast.stmt) -> bool:
    """True for ``if __name__ == "__main__"`` and ``if TYPE_CHECKING``, which no import runs."""
    if not isinstance(statement, ast.If):
        return False
    test = statement.test
    if isinstance(test, ast.Name):
        return test.id == "TYPE_CHECKING" and not statement.orelse
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
    )


def is_text(node: ast.AST) -> bool:
    """True for a string alone: a docstring, wherever it stands."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def named_in_calls(statement: ast.stmt) -> list[str]:
    """Modules and packages that a statement names as text, as in ``import_module("a.b")``.

    One with leading dots is counted from the package that the statement stands in.
    """
    texts = (_text(call) for call in calls_of(NAMED_AS_TEXT, statement))
    return [text for text in texts if text and text.strip(".")]


def whose_files(statement: ast.stmt) -> list[str]:
    """Packages of which a statement reads files by ``importlib.resources.files("a.b")``.

    "." for the package that the statement stands in.
    """
    packages = []
    for call in calls_of(("files",), statement):
        first = first_argument(call)
        own = first is None or (isinstance(first, ast.Name) and first.id in OWN_PACKAGE)
        if text := "." if own else _text(call):
            packages.append(text)
    return packages


def calls_of(functions: Collection[str], node: ast.AST) -> list[ast.Call]:
    """Calls of functions with these names in a piece of code."""
    return [
        one
        for one in _calls_and_imports(node)[0]
        if getattr(one.func, "attr", getattr(one.func, "id", None)) in functions
    ]


def first_argument(call: ast.Call) -> ast.expr | None:
    """The first argument of a call, by place or by name."""
    given = [*call.args, *(one.value for one in call.keywords)]
    return given[0] if given else None


def _text(call: ast.Call) -> str | None:
    """The first argument of a call, where it is written as text."""
    first = first_argument(call)
    value = first.value if isinstance(first, ast.Constant) else None
    return value if isinstance(value, str) else None


def local_imports(node: ast.AST) -> list[ast.stmt]:
    """Imports anywhere inside a piece of code."""
    return _calls_and_imports(node)[1]


# A statement is asked several things in a row, and walking through it takes longest of all.
@lru_cache(maxsize=1)
def _calls_and_imports(node: ast.AST) -> tuple[list[ast.Call], list[ast.stmt]]:
    calls: list[ast.Call] = []
    imports: list[ast.stmt] = []
    for one in ast.walk(node):
        if isinstance(one, ast.Call):
            calls.append(one)
        elif isinstance(one, ast.Import | ast.ImportFrom):
            imports.append(one)
    return calls, imports
