"""The section that shows all systems side by side: tables, charts by stratum, heat maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from headwater.evaluation.heads.heat_map import HeatMap
from headwater.metrics.strata import ESTIMATED
from headwater.metrics.summary import EXPRESSION, PITCH, VIEWS, YAW
from headwater.rendering.plain import CLAY
from headwater.report.charts import Whiskers, whisker_chart
from headwater.report.comparison import REGION, Compared, Strata
from headwater.report.renders import heat_colours, heat_gradient
from headwater.viewer.encoding import data_uri
from headwater.viewer.studio import turned

# Styles of baselines and systems in their order: the mean head and the system shown first look as
# in the other charts.
STYLES = ("b", "d", "c", "a")
HEAT_PX = 300
HEAT_YAWS = {0.0: "from the front", 42.0: "from the side"}
# The colours end where nearly all vertices of all systems lie below; a stray rim does not count.
HEAT_SHARE = 99.0
ABOUT = {
    REGION: ("Region", "One frontal view: parts of the face."),
    YAW: ("Turn", "Single views, from the front, the side and anywhere: the turn of the head."),
    PITCH: ("Height", "The same: how far above or below the face the camera stands."),
    EXPRESSION: ("Expression", "One frontal view: how far the face is from its neutral one."),
    VIEWS: ("Views", "How many images a head is made from, the frontal one first."),
}


@dataclass(frozen=True)
class StrataChart:
    """A chart of the error in bins, with its title and the name of its condition."""

    title: str
    caption: str
    chart: Markup


@dataclass(frozen=True)
class HeatRow:
    """Every system's mean error seen from one side: (system, picture) each."""

    seen: str
    pictures: list[tuple[str, str]]


@dataclass(frozen=True)
class Systems:
    """Contents of the section; one colour scale, up to ``limit_mm``, for all heat maps."""

    compared: Compared
    charts: list[StrataChart]
    heat: list[HeatRow]
    heads: int
    gradient: str
    limit_mm: float


def systems_section(compared: Compared) -> Systems:
    """Draw everything the section shows."""
    limit = _limit([one for _, one in compared.heat])
    return Systems(
        compared,
        [_chart(strata) for strata in compared.strata],
        _heat_rows(compared.heat, limit),
        max((int(one.heads.max(initial=0)) for _, one in compared.heat), default=0),
        heat_gradient(),
        limit,
    )


def _chart(strata: Strata) -> StrataChart:
    title, caption = ABOUT[strata.kind]
    if strata.camera == ESTIMATED:
        title = f"{title}, camera estimated"
    series = [
        Whiskers(system, [one.error for one in members], STYLES[number % len(STYLES)])
        for number, (system, members) in enumerate(strata.systems)
    ]
    about = f"Face error by {strata.axis}, with 95 % intervals: {', '.join(strata.labels)}"
    return StrataChart(
        title,
        caption,
        whisker_chart(
            strata.labels,
            series,
            strata.axis,
            "face error, mm",
            about,
            joined=strata.kind != REGION,
        ),
    )


def _limit(maps: Sequence[HeatMap]) -> float:
    """A whole number of mm that nearly every coloured vertex of every system stays below."""
    known = [one.mean_mm[_coloured(one)] for one in maps]
    values = np.concatenate(known) if known else np.zeros(0)
    return float(max(1.0, np.ceil(np.percentile(values, HEAT_SHARE)))) if len(values) else 1.0


def _heat_rows(maps: Sequence[tuple[str, HeatMap]], limit: float) -> list[HeatRow]:
    if not maps:
        return []
    colours = [vertex_colours(one, limit) for _, one in maps]
    return [
        HeatRow(
            seen,
            [
                (system, data_uri(turned(one.vertices, one.faces, [yaw], HEAT_PX, own)[0], HEAT_PX))
                for (system, one), own in zip(maps, colours, strict=True)
            ],
        )
        for yaw, seen in HEAT_YAWS.items()
    ]


def vertex_colours(one: HeatMap, limit: float) -> NDArray[np.float64]:
    """Colours (V, 3) sRGB in 0..1 of a map, from 0 to ``limit`` mm; clay where it has no mean."""
    coloured = _coloured(one)
    colours = heat_colours(np.where(coloured, one.mean_mm, 0.0), limit)
    colours[~coloured] = CLAY
    return colours


def _coloured(one: HeatMap) -> NDArray[np.bool_]:
    """Mask (V,) of the vertices that at least half of the heads are measured at.

    At the rim of the measured sphere few heads are, and a mean over few is one of other heads.
    """
    return np.asarray(np.isfinite(one.mean_mm) & (2 * one.heads >= one.heads.max(initial=0)))
