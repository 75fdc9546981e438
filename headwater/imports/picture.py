"""The import graph as a picture: packages in ranks, each above all that it imports."""

from itertools import pairwise
from pathlib import Path
from typing import Final

import networkx as nx
from markupsafe import Markup

from headwater.imports.graph import ROOTS, import_graph
from headwater.imports.layout import layout

COLUMN, RANK, MARGIN = 128.0, 62.0, 14.0
BOX_WIDTH, BOX_HEIGHT = 108.0, 30.0
FILLS: Final = {"flows": "#e6d5f5", "tasks": "#d3e4f7"}
FILL: Final = "#f1efe9"

HEAD: Final = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
    'width="{width:.0f}" height="{height:.0f}" font-family="Helvetica, Arial, sans-serif" '
    'font-size="13" text-anchor="middle">\n<title>Imports between the packages</title>\n'
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>\n'
    '<rect width="100%" height="100%" fill="white"/>\n'
)


def imports_picture(project: Path) -> str:
    """SVG of the imports below ``project``; an arrow that a longer way implies is left out."""
    graph = import_graph(project)
    drawn = layout(nx.transitive_reduction(graph))
    top = max(rank for _, rank in drawn.nodes.values())
    size = {
        "width": max(x for x, _ in drawn.nodes.values()) * COLUMN + BOX_WIDTH + 2 * MARGIN,
        "height": top * RANK + BOX_HEIGHT + 2 * MARGIN,
    }
    centres = {node: _centre(place, top) for node, place in drawn.nodes.items()}
    edges = [_edge([_centre(place, top) for place in places]) for places in drawn.edges.values()]
    boxes = [_box(node, centres[node]) for node in centres]
    return str(HEAD.format(**size) + Markup("\n").join([*edges, *boxes])) + "\n</svg>\n"


def _centre(place: tuple[float, int], top: int) -> tuple[float, float]:
    x, rank = place
    return MARGIN + BOX_WIDTH / 2 + x * COLUMN, MARGIN + BOX_HEIGHT / 2 + (top - rank) * RANK


def _edge(centres: list[tuple[float, float]]) -> Markup:
    """An arrow from the first box to the last, upright where it leaves, passes and arrives."""
    half = BOX_HEIGHT / 2
    path = f"M{centres[0][0]:.0f} {centres[0][1] + half:.0f}"
    for number, ((x1, y1), (x2, y2)) in enumerate(pairwise(centres)):
        last = number == len(centres) - 2
        start, end = y1 + half, y2 - half
        middle = (start + end) / 2
        path += f"C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {end:.0f}"
        path += "" if last else f"V{y2 + half:.0f}"
    return Markup(
        '<path d="{}" fill="none" stroke="#888" stroke-width="1.2" marker-end="url(#tip)"/>'
    ).format(path)


def _box(node: str, centre: tuple[float, float]) -> Markup:
    x, y = centre
    return Markup(
        '<rect x="{:.0f}" y="{:.0f}" width="{:.0f}" height="{:.0f}" rx="6" fill="{}" '
        'stroke="#555"/><text x="{:.0f}" y="{:.0f}"{}>{}</text>'
    ).format(
        x - BOX_WIDTH / 2,
        y - BOX_HEIGHT / 2,
        BOX_WIDTH,
        BOX_HEIGHT,
        FILLS.get(node, FILL),
        x,
        y + 5,
        Markup(' font-weight="bold"') if node in ROOTS else "",
        node,
    )
