"""The code that a step's result depends on, as one hash: editing it makes old buckets stale."""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# Parameters that matter enter a bucket's key by value.
VALUES_ONLY = f"{PACKAGE.name}.config"


@cache
def code_fingerprint(file: Path) -> str:
    """SHA-256 over a step's file and every module of this package that it imports, in all depth.

    Imports are read from the source text, at the top of a module or inside a function.
    """
    digest = hashlib.sha256()
    found: dict[str, Path] = {}
    waiting = [file]
    while waiting:
        for name, path in _imported(waiting.pop()).items():
            if name not in found and name != VALUES_ONLY:
                found[name] = path
                waiting.append(path)
    for path in (file, *(found[name] for name in sorted(found))):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _imported(file: Path) -> dict[str, Path]:
    """Modules of this package that a file names in its imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    found = {name: _source(name) for name in names}
    return {name: path for name, path in found.items() if path is not None}


def _source(name: str) -> Path | None:
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*parts[1:])
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((c for c in candidates if c.is_file()), None)
