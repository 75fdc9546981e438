"""Every system and baseline on the benchmark, side by side."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from headwater.artifacts.figures import FIGURES
from headwater.evaluation.heads.heat_map import HeatMap, read_heat_maps
from headwater.evaluation.heads.table import of_system, read_rows
from headwater.evaluation.scores import score_folders
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.face_regions import REGIONS
from headwater.metrics.intervals import Interval
from headwater.metrics.strata import CAMERAS, ESTIMATED, GIVEN
from headwater.metrics.summary import (
    EXPRESSION,
    HEADLINE,
    PITCH,
    VIEWS,
    YAW,
    Bin,
    bins,
    compare,
    summarise,
)
from headwater.report.reading import figures_of

BASELINE: Final = "mean_head"
NAMES: Final = {
    "mean_head": "mean head",
    "landmark_fit": "landmark fit",
}
HELD_OUT: Final = "held_out"
FREE: Final = "free_mesh_mm"
TEST_SETS: Final = {HELD_OUT: "Held-out heads", "other": "Heads of another model"}
NOTHING: Final = Interval(np.nan, np.nan, np.nan)
REGION: Final = "region"
KINDS: Final = {
    REGION: "region",
    YAW: "head turned by, degrees",
    PITCH: "seen from above, degrees",
    EXPRESSION: "expression, mm",
    VIEWS: "views",
}


# Strata into which the errors of each camera's questions are split.
SPLIT: Final = {GIVEN: tuple(KINDS), ESTIMATED: (YAW, PITCH, VIEWS)}


@dataclass(frozen=True)
class Line:
    """Figures of one system on one test set. error, ratio, more, free: with 95 % intervals.

    camera: ESTIMATED or GIVEN. more: mean paired difference from the error with the camera given,
    of lines where it is estimated. free: error of the free meshes of a system that has them.
    """

    system: str
    test_set: str
    views: int
    camera: str
    error: Interval
    ratio: Interval
    more: Interval
    free: Interval
    h3ds_mm: float
    regions_mm: dict[str, float]
    subjects: int
    failures: int


@dataclass(frozen=True)
class Strata:
    """The error split by region, pose, expression or view count.

    camera: ESTIMATED or GIVEN, of all questions. labels: of the bins; systems: name, and a bin per
    label.
    """

    kind: str
    axis: str
    camera: str
    labels: list[str]
    systems: list[tuple[str, list[Bin]]]

    @property
    def heads(self) -> list[int]:
        """Numbers of heads by bin, of the system with the fewest failures there."""
        return [
            max(members[place].subjects for _, members in self.systems)
            for place in range(len(self.labels))
        ]


@dataclass(frozen=True)
class PhotoLine:
    """Figures of one system on the real photos."""

    system: str
    photos: int
    nme_percent: float
    worst_percent: float
    mask_iou: float


@dataclass(frozen=True)
class Compared:
    """Lines of all systems; strata of held-out heads, and heat maps of those with cameras given.

    regions: names, in order.
    """

    lines: list[Line]
    strata: list[Strata]
    heat: list[tuple[str, HeatMap]]
    photos: list[PhotoLine]
    regions: tuple[str, ...] = REGIONS

    @property
    def free(self) -> bool:
        """True where some system's free meshes were scored."""
        return any(np.isfinite(line.free.value) for line in self.lines)

    @property
    def tables(self) -> list[tuple[str, list[Line]]]:
        """The lines of each test set."""
        names = dict.fromkeys(line.test_set for line in self.lines)
        return [(name, [line for line in self.lines if line.test_set == name]) for name in names]


Named = tuple[str, str | None]


def compare_systems(data: Path, titles: Mapping[str, str], build: Collection[str]) -> Compared:
    """Read the scores of heads of the baselines and of a build's systems; nothing without any.

    titles: of systems by name, in the order in which they are shown. build: names of systems;
    ``data/evaluate`` may hold others, of earlier builds.
    """
    names = {**NAMES, **titles}
    rows: dict[str, list[BenchmarkRow]] = {}
    folders = score_folders(data, build)
    for folder in folders:
        for test_set, members in read_rows(folder).items():
            rows.setdefault(test_set, []).extend(members)
    lines = [
        _line(test_set, members, named, views, camera, names)
        for test_set, members in sorted(rows.items())
        for views in sorted({row.views for row in members})
        for camera in CAMERAS
        for named in _ordered(
            [row for row in members if (row.views, row.camera) == (views, camera)], names
        )
    ]
    held_out = {
        camera: [row for row in rows.get(HELD_OUT, []) if row.camera == camera]
        for camera in (GIVEN, ESTIMATED)
    }
    systems = _ordered(held_out[GIVEN], names)
    maps = {(one.system, one.size): one for folder in folders for one in read_heat_maps(folder)}
    return Compared(
        lines,
        [
            strata
            for camera, kinds in SPLIT.items()
            for kind in kinds
            if (strata := _strata(held_out[camera], systems, kind, camera, names)).labels
        ],
        [(label(*named, names), maps[named]) for named in systems if named in maps],
        [
            line
            for folder in sorted((data / "reconstruct").glob("*"))
            if folder.name in build
            for line in _photos(folder, systems, names)
        ],
    )


def label(system: str, size: str | None, names: Mapping[str, str]) -> str:
    """A system's name as the page writes it, with its size."""
    name = names.get(system, system)
    return f"{name} {size}" if size else name


def _ordered(rows: Sequence[BenchmarkRow], names: Mapping[str, str]) -> list[Named]:
    """Baselines first, then the systems that have no place of their own, by name."""
    places = list(names)

    def place(named: Named) -> tuple[int, str, str]:
        system, size = named
        return places.index(system) if system in places else len(places), system, size or ""

    return sorted({(row.system, row.size) for row in rows}, key=place)


def _of(rows: Sequence[BenchmarkRow], named: Named) -> list[BenchmarkRow]:
    return [row for row in rows if (row.system, row.size) == named]


def _line(
    test_set: str,
    rows: Sequence[BenchmarkRow],
    named: Named,
    views: int,
    camera: str,
    names: Mapping[str, str],
) -> Line:
    own, given = (of_system(_of(rows, named), named[0], views, one) for one in (camera, GIVEN))
    compared = compare(own, of_system(rows, BASELINE, views, camera))
    more = compare(own, given).difference if camera != GIVEN else NOTHING
    figures = summarise(own)
    return Line(
        label(*named, names),
        TEST_SETS.get(test_set, test_set),
        views,
        camera,
        _interval(figures, HEADLINE),
        compared.ratio,
        more,
        _interval(figures, FREE),
        float(figures.get("h3ds_face_mm", np.nan)),
        {name: float(figures.get(f"{name}_mm", np.nan)) for name in REGIONS},
        int(figures["subjects"]),
        int(figures["failures"]),
    )


def _strata(
    rows: Sequence[BenchmarkRow],
    systems: Sequence[Named],
    kind: str,
    camera: str,
    names: Mapping[str, str],
) -> Strata:
    """Charts of the error in bins, matched by name: a system may come from another build."""
    found = {}
    for named in systems:
        own = _of(rows, named)
        frontal = of_system(own, named[0], 1, camera)
        members = _regions(frontal) if kind == REGION else bins(own)
        found[label(*named, names)] = {one.name: one for one in members if one.kind == kind}
    places = {one.name: one.place for members in found.values() for one in members.values()}
    labels = sorted(places, key=lambda name: places[name])
    return Strata(
        kind,
        KINDS[kind],
        camera,
        [_words(name) for name in labels],
        [
            (system, [own.get(name, Bin(kind, name, places[name], NOTHING, 0)) for name in labels])
            for system, own in found.items()
        ],
    )


def _regions(rows: Sequence[BenchmarkRow]) -> list[Bin]:
    """The error of each region of the face, from the frontal view alone."""
    figures = summarise(rows)
    subjects = int(figures["subjects"])
    return [
        Bin(REGION, name, place, _interval(figures, f"{name}_mm"), subjects)
        for place, name in enumerate(REGIONS)
    ]


def _words(name: str) -> str:
    """A bin's name as the page writes it; no pose is beyond 180 or 90 degrees."""
    ends = name.split("_")
    if ends[0] == "-90":
        return f"{ends[-1]} and less"
    return f"{ends[0]} and more" if ends[-1] in ("up", "90", "180") else " to ".join(ends)


def _photos(folder: Path, systems: Sequence[Named], names: Mapping[str, str]) -> list[PhotoLine]:
    """Landmark errors of a system on real photos; empty for baselines, or without a photo."""
    figures = figures_of(folder / FIGURES) or {}
    if not figures.get("real_photos"):
        return []
    named = next((one for one in systems if one[0] == folder.name), (folder.name, None))
    return [
        PhotoLine(
            label(*named, names),
            int(figures["real_photos"]),
            float(figures.get("real_landmark_nme_percent", np.nan)),
            float(figures.get("real_landmark_nme_percent_worst", np.nan)),
            float(figures.get("real_mask_iou", np.nan)),
        )
    ]


def _interval(figures: dict[str, float | int], name: str) -> Interval:
    ends = (figures.get(f"{name}{end}", np.nan) for end in ("", "_low", "_high"))
    return Interval(*(float(end) for end in ends))
