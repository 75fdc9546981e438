"""The graph of the build as inline SVG, with the count of every step."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

BOX_WIDTH, BOX_HEIGHT = 132, 60
COLUMN, ROW = 174, 84


@dataclass(frozen=True)
class Node:
    """A step: place in the grid, caption, what failed there; drawn faint when it is not built."""

    name: str
    column: float
    row: float
    caption: str
    warning: str = ""
    built: bool = True


PLACES = {
    "photos": (0, 0),
    "synthesize": (0, 2),
    "ingest": (1, 1),
    "sdf": (1, 3.05),
    "maps": (2, 2.4),
    "other_heads": (0, 4),
    "landmarks": (2, 0),
    "masks": (2, 1),
    "parts": (3, 0),
    "cameras": (3, 1),
    "train": (3, 2.4),
    "baselines": (3, 3.4),
    "expressions": (4, 0),
    "quality": (4, 1),
    "evaluate": (4, 2.7),
    "report": (5, 1.5),
}

EDGES = (
    ("photos", "ingest"),
    ("synthesize", "ingest"),
    ("synthesize", "sdf"),
    ("synthesize", "train"),
    ("sdf", "train"),
    ("maps", "train"),
    ("ingest", "landmarks"),
    ("ingest", "masks"),
    ("ingest", "maps"),
    ("landmarks", "parts"),
    ("landmarks", "cameras"),
    ("parts", "expressions"),
    ("cameras", "expressions"),
    ("cameras", "quality"),
    ("masks", "cameras"),
    ("cameras", "evaluate"),
    ("train", "evaluate"),
    ("synthesize", "baselines"),
    ("other_heads", "baselines"),
    ("baselines", "evaluate"),
    ("expressions", "report"),
    ("quality", "report"),
    ("evaluate", "report"),
)


def _corner(node: Node) -> tuple[float, float]:
    return node.column * COLUMN + 2, node.row * ROW + 2


def _edge(start: Node, end: Node) -> Markup:
    (x1, y1), (x2, y2) = _corner(start), _corner(end)
    x1, y1, y2 = x1 + BOX_WIDTH, y1 + BOX_HEIGHT / 2, y2 + BOX_HEIGHT / 2
    bend = min((x2 - x1) / 2, 60)
    return Markup(
        '<path class="edge" d="M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}"/>'
    ).format(x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2)


def _box(node: Node) -> Markup:
    x, y = _corner(node)
    state = "box" if node.built else "box missing"
    caption = Markup('<text x="{:.0f}" y="{:.0f}" class="caption">{}</text>').format(
        x + 12, y + 43, node.caption
    )
    warning = Markup("")
    if node.warning:
        warning = Markup('<text x="{:.0f}" y="{:.0f}" class="warning">{}</text>').format(
            x + BOX_WIDTH - 10, y + 22, node.warning
        )
    return Markup(
        '<g class="{}"><rect x="{:.0f}" y="{:.0f}" width="{}" height="{}" rx="8"/>'
        '<text x="{:.0f}" y="{:.0f}" class="name">{}</text>{}{}</g>'
    ).format(state, x, y, BOX_WIDTH, BOX_HEIGHT, x + 12, y + 23, node.name, caption, warning)


def diagram(nodes: Sequence[Node]) -> Markup:
    """The graph; edges whose ends are not both given are left out."""
    named = {node.name: node for node in nodes}
    body = Markup("").join(
        _edge(named[a], named[b]) for a, b in EDGES if a in named and b in named
    ) + Markup("").join(_box(node) for node in nodes)
    width = max(node.column for node in nodes) * COLUMN + BOX_WIDTH + 4
    height = max(node.row for node in nodes) * ROW + BOX_HEIGHT + 4
    return Markup(
        '<svg class="diagram" viewBox="0 0 {:.0f} {:.0f}" role="img" '
        'aria-label="Graph of the build; the table below lists the same counts">{}</svg>'
    ).format(width, height, body)
