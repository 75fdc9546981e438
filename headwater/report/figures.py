"""Flat figures, as the metrics files hold them, sorted into the tables of the page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.evaluation.heads import CHALLENGE
from headwater.evaluation.heads.figures import LESS
from headwater.metrics.strata import CAMERAS
from headwater.quality.same_face import LOST, PREFIX, shift_rows

METRICS = {metric.name: metric for metric in CHALLENGE.metrics}
GROUPS = ("all", "frontal", "side", "free")
BASELINE = "mean_head_"
PART_PREFIX = "part_iou_"

UNITS = (("_mm", "mm"), ("_percent", "%"), ("_degrees", "°"), ("_px", "px"))
WORDS = {
    "nme": "NME",
    "iou": "IoU",
    "h3ds": "H3DS",
    "68": "(68)",
    "478": "(478)",
}

# Figures that the comparison of the systems shows, or that repeat a figure with its interval.
ELSEWHERE = re.compile(
    r"_(low|high|subjects)$|^(views_\d+|other|landmark_fit)_|_ratio_|_(yaw|pitch|expression)_"
    r"|^(nose|mouth|forehead|cheeks|chin|eyes)_mm"
)

EDIT = re.compile(r"expressions_(.+?)_(warp|generator|head_model)_(count|right_way_rate)")
HEADLINE = CHALLENGE.headline.name

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """A figure of the system beside that of the mean head."""

    label: str
    unit: str
    ours: float
    baseline: float

    @property
    def ratio(self) -> float:
        """Ours as a share of the baseline."""
        return self.ours / self.baseline if self.baseline else float("nan")


@dataclass
class Spread:
    """One error of the pipeline: statistics by group ("all", "frontal", "side", "free")."""

    label: str
    unit: str
    groups: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Quality:
    """The pipeline's own quality. parts: IoU by part, by group. edits: kind, method, share, count.

    same_face: kind of change, mean and worst shift of the landmarks, %. rest: figures that have no
    place in these tables.
    """

    views: dict[str, dict[str, float]]
    errors: list[Spread]
    parts: list[tuple[str, dict[str, float]]]
    edits: list[tuple[str, str, float, int]]
    same_face: list[tuple[str, float, float]]
    rest: list[tuple[str, str, Any]]


def label_of(name: str) -> tuple[str, str]:
    """Words and unit of a name: ``face_scan_to_mesh_mm`` is ("Face scan to mesh", "mm")."""
    if name in METRICS:
        label = METRICS[name].label
        return f"{label[0].upper()}{label[1:]}", METRICS[name].unit
    unit = ""
    for ending, symbol in UNITS:
        if ending in name:
            name, unit = name.replace(ending, "", 1), symbol
            break
    words = " ".join(WORDS.get(word, word) for word in name.split("_") if word)
    return words[:1].upper() + words[1:], unit


def of_camera(metrics: Figures, camera: str) -> dict[str, Any]:
    """Figures of the answers whose cameras are ESTIMATED or GIVEN, by their names without that."""
    prefix = f"{camera}_"
    return {
        name.removeprefix(prefix): value
        for name, value in metrics.items()
        if name.startswith(prefix) and not name.startswith(LESS)
    }


def leading_camera(metrics: Figures) -> str:
    """ESTIMATED, or GIVEN where only with given cameras a face could be measured."""
    known = [one for one in CAMERAS if of_camera(metrics, one).get(HEADLINE) is not None]
    return [*known, *CAMERAS][0]


def compared(metrics: Figures) -> list[Compared]:
    """Figures that also exist for the mean head, those of estimated cameras first."""
    pairs = []
    for ending, own in _groups(metrics):
        for name, value in own.items():
            shown = value is not None and not ELSEWHERE.search(name)
            if shown and own.get(BASELINE + name) is not None:
                label, unit = label_of(name)
                pairs.append(Compared(label + ending, unit, value, own[BASELINE + name]))
    return pairs


def others(metrics: Figures) -> list[tuple[str, str, Any]]:
    """(label, unit, value) of the figures that stand alone, those of estimated cameras first."""
    alone = []
    for ending, own in _groups(metrics):
        for name, value in own.items():
            paired = name.startswith(BASELINE) or BASELINE + name in own
            if not paired and not ELSEWHERE.search(name):
                label, unit = label_of(name)
                alone.append((label + ending, unit, value))
    return alone


def _groups(metrics: Figures) -> list[tuple[str, dict[str, Any]]]:
    """Figures by where cameras come from, then the others; each with the ending of its labels."""
    groups = [(f", camera {one}", of_camera(metrics, one)) for one in CAMERAS]
    cameras = tuple(f"{one}_" for one in CAMERAS)
    rest = {
        name: value
        for name, value in metrics.items()
        if name.startswith(LESS) or not name.startswith(cameras)
    }
    return [*groups, ("", rest)]


def quality_of(figures: Figures) -> Quality:
    """Sort the figures of ``quality/figures.json``; unknown names end up in ``rest``."""
    views: dict[str, dict[str, float]] = {}
    errors: dict[str, Spread] = {}
    parts: dict[str, dict[str, float]] = {}
    shares: dict[tuple[str, str], dict[str, float]] = {}
    rest = []
    for name, value in figures.items():
        group, _, inner = name.partition("_")
        statistic = re.fullmatch(r"(.+)_(mean|median|p\d\d|count)", inner)
        edit = EDIT.fullmatch(name)
        if edit:
            shares.setdefault((edit[1], edit[2]), {})[edit[3]] = value
        elif name.startswith(PREFIX):
            continue
        elif group not in GROUPS:
            rest.append((*label_of(name), value))
        elif inner in ("views", "detection_rate"):
            views.setdefault(group, {})[inner] = value
        elif statistic:
            label, unit = label_of(statistic[1])
            if statistic[1] == "part_iou_mean":
                label = "Part IoU, mean of the parts"
            spread = errors.setdefault(statistic[1], Spread(label, unit))
            spread.groups.setdefault(group, {})[statistic[2]] = value
        elif inner.startswith(PART_PREFIX):
            part = inner.removeprefix(PART_PREFIX).replace("_", " ")
            parts.setdefault(part, {})[group] = value
        else:
            rest.append((*label_of(name), value))
    edits = [
        (
            kind.replace("_", " "),
            method,
            outcome.get("right_way_rate", float("nan")),
            int(outcome.get("count", 0)),
        )
        for (kind, method), outcome in shares.items()
    ]
    same_face = list(shift_rows(figures))
    if same_face:
        rest.append(("Portrait variants without a detected face", "", figures[LOST]))
    return Quality(views, list(errors.values()), list(parts.items()), edits, same_face, rest)
