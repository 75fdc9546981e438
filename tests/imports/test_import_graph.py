"""The import graph: complete, laid out without a knot, and the picture of it up to date."""

import math
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import grimp
import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.imports.graph import ROOTS, import_graph, imported_names, node_of
from headwater.imports.layout import crossings, layout, ordered, ranks
from headwater.imports.picture import imports_picture

PROJECT = Path(__file__).resolve().parents[2]
PICTURE = PROJECT / "docs" / "imports.svg"
NAMES = "abcdefghij"


@st.composite
def graphs(draw: st.DrawFn) -> nx.DiGraph:
    """Acyclic graphs of up to ten nodes whose names do not give their order away."""
    names = draw(st.permutations(NAMES[: draw(st.integers(1, 10))]))
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(names))
    for number, start in enumerate(names):
        for end in names[number + 1 :]:
            if draw(st.booleans()):
                graph.add_edge(start, end)
    return graph


def test_the_picture_is_up_to_date() -> None:
    assert PICTURE.read_text(encoding="utf-8") == imports_picture(PROJECT), "run: make docs"


def test_edges_are_those_that_the_import_linter_sees() -> None:
    modules = grimp.build_graph(*ROOTS, cache_dir=None)
    slow = {
        (node_of(module), node_of(other))
        for module in modules.modules
        for other in modules.find_modules_directly_imported_by(module)
    }
    wanted = {(a, b) for a, b in slow if a and b and a != b}
    assert set(import_graph(PROJECT).edges) == wanted


def test_every_package_is_in_the_picture_once() -> None:
    tree = ET.fromstring(PICTURE.read_text(encoding="utf-8"))
    texts = [node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    packages = {path.parent.name for path in (PROJECT / "headwater").glob("*/__init__.py")} | {
        path.stem for path in (PROJECT / "headwater").glob("*.py") if path.stem[0] != "_"
    }
    assert sorted(texts) == sorted({"flows", "tasks", *packages})


def test_no_two_packages_import_each_other() -> None:
    assert list(nx.simple_cycles(import_graph(PROJECT))) == []


@pytest.mark.parametrize(
    ("module", "node"),
    [
        ("headwater.report.page", "report"),
        ("headwater.cli", "cli"),
        ("tasks.ingest", "tasks"),
        ("flows", "flows"),
        ("headwater", None),
        ("headwater.__main__", None),
        ("numpy.linalg", None),
    ],
)
def test_nodes_of_modules(module: str, node: str | None) -> None:
    assert node_of(module) == node


def test_imports_inside_functions_and_of_submodules_count(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("import a.b, c\nfrom d import e\ndef f():\n    from g.h import i as j\n")
    assert list(imported_names(path)) == ["a.b", "c", "d.e", "g.h.i"]


def test_a_small_tree_is_read_with_the_number_of_importing_modules(tmp_path: Path) -> None:
    for name, text in {
        "flows/go.py": "import tasks.one\n",
        "tasks/one.py": "from headwater.b import x\n",
        "tasks/two.py": "from headwater import b\nimport headwater.b.y\n",
        "headwater/__init__.py": "",
        "headwater/b/x.py": "from headwater.c import z\nfrom headwater.b import y\n",
        "headwater/c.py": "import numpy\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = import_graph(tmp_path)
    assert sorted(graph) == ["b", "c", "flows", "tasks"]
    assert {(a, b): n for a, b, n in graph.edges(data="modules")} == {
        ("flows", "tasks"): 1,
        ("tasks", "b"): 2,
        ("b", "c"): 1,
    }
    assert imports_picture(tmp_path).count("<rect") == 5


@given(graphs())
def test_ranks_are_the_longest_ways_down(graph: nx.DiGraph) -> None:
    def depth(node: str) -> int:
        return max((1 + depth(below) for below in graph.successors(node)), default=0)

    assert ranks(graph) == {node: depth(node) for node in graph}


def test_a_circle_is_refused() -> None:
    with pytest.raises(nx.NetworkXUnfeasible):
        layout(nx.DiGraph([("a", "b"), ("b", "a")]))


@settings(max_examples=8, deadline=None)
@given(graphs())
def test_edges_point_down_rank_by_rank_and_nodes_keep_apart(graph: nx.DiGraph) -> None:
    drawn = layout(graph)
    assert set(drawn.nodes) == set(graph)
    assert set(drawn.edges) == set(graph.edges)
    for (start, end), places in drawn.edges.items():
        assert places[0] == drawn.nodes[start]
        assert places[-1] == drawn.nodes[end]
        assert all(above[1] - below[1] == 1 for above, below in pairwise(places))
    rows: dict[int, list[float]] = {}
    for x, rank in drawn.nodes.values():
        rows.setdefault(rank, []).append(x)
    for row in rows.values():
        assert all(b - a >= 1 - 1e-6 for a, b in pairwise(sorted(row)))
    assert (
        min(x for places in [*drawn.edges.values(), list(drawn.nodes.values())] for x, _ in places)
        >= 0
    )


@settings(max_examples=8, deadline=None)
@given(graphs())
def test_the_layout_does_not_depend_on_the_order_of_nodes(graph: nx.DiGraph) -> None:
    turned = nx.DiGraph()
    turned.add_nodes_from(reversed(list(graph)))
    turned.add_edges_from(reversed(list(graph.edges)))
    assert layout(turned) == layout(graph)


@given(
    st.permutations("abcd"),
    st.permutations("wxyz"),
    st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz"))),
)
def test_crossings_are_counted_pair_by_pair(
    below: list[str], above: list[str], links: set[tuple[str, str]]
) -> None:
    graph = nx.Graph(links)
    graph.add_nodes_from([*below, *above])
    slow = 0
    for a, w in links:
        for b, x in links:
            slow += below.index(a) < below.index(b) and above.index(w) > above.index(x)
    assert crossings([below, above], graph) == slow
    assert crossings(ordered([below, above], graph), graph) <= slow


def test_a_knot_that_can_be_undone_is_undone() -> None:
    graph = nx.Graph([("a", "z"), ("b", "y"), ("c", "x")])
    rows = ordered([["a", "b", "c"], ["x", "y", "z"]], graph)
    assert crossings(rows, graph) == 0


def test_boxes_do_not_overlap_and_no_arrow_leaves_the_picture() -> None:
    tree = ET.fromstring(PICTURE.read_text(encoding="utf-8"))
    width, height = float(tree.get("width", 0)), float(tree.get("height", 0))
    space = "{http://www.w3.org/2000/svg}"
    boxes = [
        tuple(float(node.get(name, math.nan)) for name in ("x", "y", "width", "height"))
        for node in tree.iter(f"{space}rect")
        if node.get("x")
    ]
    for number, (x, y, w, h) in enumerate(boxes):
        assert x >= 0
        assert x + w <= width
        assert y >= 0
        assert y + h <= height
        for x2, y2, _, _ in boxes[number + 1 :]:
            assert abs(x - x2) >= w or abs(y - y2) >= h
