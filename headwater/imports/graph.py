"""Imports between packages, read from the syntax trees of a source tree."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import networkx as nx

DOMAIN: Final = "headwater"
ROOTS: Final = ("flows", "tasks", DOMAIN)


def import_graph(project: Path) -> nx.DiGraph:
    """Packages of the source tree below ``project`` with an edge from importer to imported.

    Nodes: ``flows``, ``tasks``, and packages and modules of headwater by their own names. An edge's
    ``modules`` is the number of modules that import. Imports inside functions count.
    """
    graph = nx.DiGraph()
    for root in ROOTS:
        for path in sorted((project / root).rglob("*.py")):
            importer = node_of(".".join(path.relative_to(project).with_suffix("").parts))
            if importer is None:
                continue
            graph.add_node(importer)
            imported = {node_of(name) for name in imported_names(path)}
            for name in sorted(name for name in imported if name and name != importer):
                graph.add_edge(importer, name)
                edge = graph.edges[importer, name]
                edge["modules"] = edge.get("modules", 0) + 1
    return graph


def node_of(module: str) -> str | None:
    """Node of a module by its dotted name; None outside the tree and for headwater itself."""
    root, _, rest = module.partition(".")
    if root != DOMAIN:
        return root if root in ROOTS else None
    name = rest.partition(".")[0]
    return name if name and not name.startswith("__") else None


def imported_names(path: Path) -> Iterator[str]:
    """Dotted names that a file imports; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
