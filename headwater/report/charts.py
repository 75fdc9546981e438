"""Small charts as inline SVG, coloured by the page's style sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from headwater.metrics.intervals import Interval

WIDTH, HEIGHT = 540, 310
MAX_DOTS = 40
LEFT, RIGHT, TOP, BOTTOM = 54, 12, 14, 46
DODGE = 0.5
# A figure beyond is a fault; drawn, it would leave no digits for its neighbours.
LARGEST = 1e100
MOST_POWERS = 8


@dataclass(frozen=True)
class Series:
    """A line: its name, its points, and its CSS class ("a" to "d")."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: str = "a"


@dataclass(frozen=True)
class Whiskers:
    """Values with intervals, one per category; those that are not finite are left out."""

    name: str
    values: Sequence[Interval]
    style: str = "a"


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic map of values from ``low``..``high`` to ``start``..``end`` px."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Pixel of a value."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = np.log10(low), np.log10(high), np.log10(max(value, self.low))
        return float(self.start + (at - low) / (high - low) * (self.end - self.start))

    def ticks(self) -> list[float]:
        """Round values along the scale."""
        if self.log:
            first, last = int(np.floor(np.log10(self.low))), int(np.ceil(np.log10(self.high)))
            powers = range(first, last + 1, 1 + (last - first) // MOST_POWERS)
            steps = (1, 2, 5) if np.log10(self.high / self.low) < 3 else (1,)
            values = [step * 10.0**power for power in powers for step in steps]
            return [v for v in values if self.low * (1 - 1e-9) <= v <= self.high * (1 + 1e-9)]
        step = tick_step(self.high - self.low)
        first = int(np.ceil(self.low / step - 1e-9))
        last = int(np.floor(self.high / step + 1e-9))
        return [number * step for number in range(first, last + 1)]


def tick_step(span: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides ``span`` into about five."""
    rough = max(span, 1e-12) / 5
    power = 10.0 ** np.floor(np.log10(rough))
    return float(power * min((1, 2, 5, 10), key=lambda step: abs(step - rough / power)))


def _drawable(value: float) -> bool:
    return bool(abs(value) <= LARGEST)


def _points(series: Series, log: bool) -> list[tuple[float, float]]:
    return [
        (x, y)
        for x, y in zip(series.x, series.y, strict=True)
        if _drawable(x) and _drawable(y) and (y > 0 or not log)
    ]


def _apart(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis, far enough apart to count between them."""
    return low, max(high, low + 1e-9, low + 1e-6 * abs(low))


def _heights(values: Sequence[float]) -> Scale:
    """The linear scale of the y axis: zero, all values, and some room above."""
    low, high = min(0.0, *values), max(values)
    return Scale(*_apart(low, high + 0.05 * (high - low)), HEIGHT - BOTTOM, TOP)


def _frame(
    x: Scale, y: Scale, x_label: str, y_label: str, categories: Sequence[str] = ()
) -> Markup:
    """Grid, ticks and labels; with ``categories`` these stand at 0, 1, ... in place of numbers."""
    ticks = [(float(at), name) for at, name in enumerate(categories)]
    ticks = ticks or [(tick, f"{round(tick, 10):g}") for tick in x.ticks()]
    parts = [Markup('<g class="grid">')]
    parts += [
        Markup('<line x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
            LEFT, WIDTH - RIGHT, y(tick), y(tick)
        )
        for tick in y.ticks()
    ]
    parts.append(Markup('</g><g class="ticks">'))
    parts += [
        Markup('<text x="{}" y="{:.1f}" class="end">{:g}</text>').format(
            LEFT - 8, y(tick) + 4, round(tick, 10)
        )
        for tick in y.ticks()
    ]
    parts += [
        Markup('<text x="{:.1f}" y="{:.1f}" class="middle">{}</text>').format(
            x(tick), y.start + 18, name
        )
        for tick, name in ticks
    ]
    parts.append(
        Markup(
            '</g><text class="label middle" x="{}" y="{:.1f}">{}</text>'
            '<text class="label middle" transform="translate(14 {}) rotate(-90)">{}</text>'
        ).format((LEFT + WIDTH - RIGHT) / 2, y.start + 38, x_label, (y.start + y.end) / 2, y_label)
    )
    return Markup("").join(parts)


def _svg(body: Markup, about: str) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, about, body)


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """Names beside their colours: (CSS class, name) each."""
    items = Markup("").join(
        Markup('<li><span class="swatch {}"></span>{}</li>').format(*entry) for entry in entries
    )
    return Markup('<ul class="legend">{}</ul>').format(items)


def line_chart(
    series: Sequence[Series], x_label: str, y_label: str, about: str, log: bool = False
) -> Markup:
    """Lines over common axes, y logarithmic with ``log``; empty when there is nothing to draw.

    Points that are not finite are left out, with ``log`` those that are not positive too.
    """
    lines = [(line, points) for line in series if (points := _points(line, log))]
    if not lines:
        return Markup("")
    xs = [x for _, points in lines for x, _ in points]
    ys = [y for _, points in lines for _, y in points]
    x = Scale(*_apart(min(xs), max(xs)), LEFT, WIDTH - RIGHT)
    y = Scale(min(ys) / 1.15, max(ys) * 1.15, HEIGHT - BOTTOM, TOP, log) if log else _heights(ys)
    body = _frame(x, y, x_label, y_label)
    for line, points in lines:
        path = "M" + "L".join(f"{x(a):.1f} {y(b):.1f}" for a, b in points)
        body += Markup('<path class="line {}" d="{}"/>').format(line.style, path)
        if len(points) <= MAX_DOTS and all(a[0] < b[0] for a, b in pairwise(points)):
            body += Markup("").join(
                Markup(
                    '<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3.5">'
                    "<title>{}: {:g}, {:.3g}</title></circle>"
                ).format(line.style, x(a), y(b), line.name, a, b)
                for a, b in points
            )
    return legend([(line.style, line.name) for line, _ in lines]) + _svg(body, about)


def whisker_chart(
    categories: Sequence[str],
    series: Sequence[Whiskers],
    x_label: str,
    y_label: str,
    about: str,
    joined: bool = True,
) -> Markup:
    """For each category a dot per series with its interval as a bar; ``joined`` if in order."""
    points = [
        (at + _dodge(number, len(series)), line, value)
        for number, line in enumerate(series)
        for at, value in enumerate(line.values)
        if _drawable(value.value)
    ]
    if not points:
        return Markup("")
    x = Scale(-0.5, len(categories) - 0.5, LEFT, WIDTH - RIGHT)
    y = _heights([end for _, _, value in points for end in value if _drawable(end)])
    body = _frame(x, y, x_label, y_label, categories)
    for line in series:
        own = [(at, value) for at, other, value in points if other is line]
        if joined and own:
            path = "M" + "L".join(f"{x(at):.1f} {y(value.value):.1f}" for at, value in own)
            body += Markup('<path class="line {}" d="{}" opacity=".3"/>').format(line.style, path)
        body += Markup("").join(_whisker(x(at), y, line, value) for at, value in own)
    shown = [(line.style, line.name) for line in series]
    return legend(shown) + _svg(body, about)


def _dodge(number: int, count: int) -> float:
    return DODGE * ((number + 0.5) / count - 0.5)


def _whisker(at: float, y: Scale, line: Whiskers, value: Interval) -> Markup:
    body = Markup("")
    span = ""
    if _drawable(value.low) and _drawable(value.high):
        body = Markup('<path class="line {}" d="M{:.1f} {:.1f}V{:.1f}"/>').format(
            line.style, at, y(value.low), y(value.high)
        )
        span = f", {value.low:.2f} to {value.high:.2f}"
    return body + Markup(
        '<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}: {:.2f}{}</title></circle>'
    ).format(line.style, at, y(value.value), line.name, value.value, span)


def cumulative(values: Sequence[float], name: str, style: str, total: int | None = None) -> Series:
    """Share of the values (in %) at or below x, as steps; ``total`` counts failures too."""
    ordered = sorted(values)
    count = total or len(ordered)
    x, y = [0.0], [0.0]
    for number, value in enumerate(ordered, 1):
        x += [value, value]
        y += [y[-1], 100 * number / count]
    return Series(name, x, y, style)


def pairs_chart(
    pairs: Sequence[tuple[str, float, float]], names: tuple[str, str], y_label: str, about: str
) -> Markup:
    """For each item (label, ours, baseline) two dots joined by a line, sorted by ours."""
    if not pairs:
        return Markup("")
    ordered = sorted(pairs, key=lambda pair: pair[1])
    x = Scale(0, len(ordered) + 1, LEFT, WIDTH - RIGHT)
    y = _heights([value for _, ours, base in ordered for value in (ours, base)])
    body = _frame(x, y, "held-out heads, sorted", y_label)
    for number, (label, ours, base) in enumerate(ordered, 1):
        better = "better" if ours < base else "worse"
        body += Markup(
            '<g class="pair {0}"><title>{1}: {2:.2f}, {3} {4:.2f}</title>'
            '<line x1="{5:.1f}" x2="{5:.1f}" y1="{6:.1f}" y2="{7:.1f}"/>'
            '<circle class="dot b" cx="{5:.1f}" cy="{7:.1f}" r="3"/>'
            '<circle class="dot a" cx="{5:.1f}" cy="{6:.1f}" r="3.5"/></g>'
        ).format(better, label, ours, names[1], base, x(number), y(ours), y(base))
    return legend([("a", names[0]), ("b", names[1])]) + _svg(body, about)
