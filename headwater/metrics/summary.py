"""Many rows of the benchmark as flat figures with 95 % intervals over subjects.

A failed head is in ``failures`` and in no mean. Intervals are ``<name>_low`` and ``<name>_high``;
they are left out where fewer than two subjects are left.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.metrics.benchmark import FREE_MESH, BenchmarkRow
from headwater.metrics.face_regions import REGIONS
from headwater.metrics.intervals import (
    Interval,
    difference_interval,
    mean_interval,
    ratio_interval,
    subject_means,
)
from headwater.metrics.part_iou import AVERAGE, NAMES
from headwater.metrics.strata import (
    EXPRESSION_EDGES_MM,
    PITCH_EDGES_DEGREES,
    YAW_EDGES_DEGREES,
    bin_names,
    bin_numbers,
)

HEADLINE: Final = "face_scan_to_mesh_mm"
FRONTAL: Final = 0  # the first view of every head
YAW, PITCH, EXPRESSION, VIEWS = "yaw", "pitch", "expression", "views"
ERRORS: Final = (
    HEADLINE,
    "reverse_face_mm",
    "f_score_1mm",
    "f_score_2mm",
    "f_score_3mm",
    "h3ds_face_mm",
    "h3ds_head_mm",
)
SEED: Final = 0

Figures = dict[str, float | int]
Pick = Callable[[BenchmarkRow], float]


@dataclass(frozen=True)
class Comparison:
    """Two systems on the subjects that neither failed on; all of the face's scan-to-mesh error, mm.

    ours, theirs: means. difference: ours less theirs; ratio: of the means.
    """

    subjects: int
    ours: Interval
    theirs: Interval
    difference: Interval
    ratio: Interval

    def figures(self, prefix: str) -> Figures:
        """Flat: ``<prefix>_difference_mm``, ``<prefix>_ratio`` and their intervals."""
        return {
            f"{prefix}_subjects": self.subjects,
            **flat(f"{prefix}_difference_mm", self.difference),
            **flat(f"{prefix}_ratio", self.ratio),
        }


@dataclass(frozen=True)
class Bin:
    """The face's scan-to-mesh error where the question was alike.

    kind: YAW, PITCH, EXPRESSION or VIEWS; name: "15_30", "2_up", "3". place: mean of the binned
    condition over all questions, failed ones too: degrees, mm or views. error: mm. subjects: in
    ``error``.
    """

    kind: str
    name: str
    place: float
    error: Interval
    subjects: int


def summarise(rows: Sequence[BenchmarkRow], seed: int = SEED) -> Figures:
    """Every error of one system's answers to questions of one kind, of each region and part.

    Where answers have free meshes, ``free_mesh_failures`` counts those without or with one that
    cannot be aligned.
    """
    kept = [row for row in rows if row.failure is None]
    figures: Figures = {
        "subjects": len({row.subject for row in kept}),
        "failures": len(rows) - len(kept),
    }
    for name in ERRORS:
        figures |= flat(name, _interval(kept, _attribute(name), seed))
    for region in REGIONS:
        figures |= flat(f"{region}_mm", _interval(kept, _region(region), seed))
    for part in (AVERAGE, *NAMES):
        figures |= flat(part, _interval(kept, _part(part), seed))
    if any(row.free_mesh for row in kept):
        for name in FREE_MESH:
            figures |= flat(name, _interval(kept, _free_mesh(name), seed))
        figures["free_mesh_failures"] = sum(not row.free_mesh for row in kept)
    return figures


def bins(rows: Sequence[BenchmarkRow], seed: int = SEED) -> list[Bin]:
    """Scan-to-mesh error of one system's rows by head pose, expression strength and view count.

    Yaw and pitch: of all answers from one view whose pose is known. Expression: of those from the
    frontal view. View count: of those that have the frontal view first. Bins without a question are
    left out.
    """
    single = [row for row in rows if row.views == 1]
    frontal = [row for row in rows if row.first_view == FRONTAL]
    frontal_single = [row for row in single if row.first_view == FRONTAL]
    return [
        *_within(YAW, single, YAW_EDGES_DEGREES, lambda row: abs(row.yaw_degrees), seed),
        *_within(PITCH, single, PITCH_EDGES_DEGREES, lambda row: row.pitch_degrees, seed),
        *_within(
            EXPRESSION, frontal_single, EXPRESSION_EDGES_MM, lambda row: row.expression_mm, seed
        ),
        *(
            _bin(VIEWS, str(views), [row for row in frontal if row.views == views], _views, seed)
            for views in sorted({row.views for row in frontal})
        ),
    ]


def compare(ours: Iterable[BenchmarkRow], theirs: Iterable[BenchmarkRow]) -> Comparison:
    """Paired comparison of two systems' scan-to-mesh errors of the face, subject by subject.

    Subjects that either failed on, or that only one has, are left out of all figures.
    """
    a, b = _by_subject(ours), _by_subject(theirs)
    both = sorted(set(a) & set(b))
    x, y = np.array([a[s] for s in both]), np.array([b[s] for s in both])
    return Comparison(
        len(both),
        mean_interval(x, SEED),
        mean_interval(y, SEED),
        difference_interval(x, y, SEED),
        ratio_interval(x, y, SEED),
    )


def heat_map(
    rows: Iterable[BenchmarkRow], vertices: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Mean scan-to-mesh error (V,) mm of every vertex of the truth's topology, and its count (V,).

    All true heads must share that topology of ``vertices`` vertices. NaN where no head's face
    sphere reaches.
    """
    total, count = np.zeros(vertices), np.zeros(vertices, dtype=np.intp)
    for row in rows:
        if row.heat is not None and row.failure is None:
            total[row.heat.region] += row.heat.distances
            count[row.heat.region] += 1
    mean = np.full(vertices, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean, count


def flat(name: str, interval: Interval) -> Figures:
    """An interval as figures; nothing that is not a number."""
    named = {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return {key: value for key, value in named.items() if np.isfinite(value)}


def _within(
    kind: str,
    rows: Sequence[BenchmarkRow],
    edges: tuple[float, ...],
    pick: Pick,
    seed: int,
) -> Iterator[Bin]:
    rows = [row for row in rows if np.isfinite(pick(row))]
    numbers = bin_numbers(np.array([pick(row) for row in rows]), edges)
    for number, name in enumerate(bin_names(edges)):
        members = [row for row, own in zip(rows, numbers, strict=True) if own == number]
        if members:
            yield _bin(kind, name, members, pick, seed)


def _bin(kind: str, name: str, rows: Sequence[BenchmarkRow], pick: Pick, seed: int) -> Bin:
    kept = [row for row in rows if row.failure is None]
    return Bin(
        kind,
        name,
        float(np.mean([pick(row) for row in rows])),
        _interval(kept, _attribute(HEADLINE), seed),
        len({row.subject for row in kept}),
    )


def _views(row: BenchmarkRow) -> float:
    return row.views


def _interval(rows: Sequence[BenchmarkRow], pick: Pick, seed: int) -> Interval:
    values = np.array([pick(row) for row in rows])
    known = np.isfinite(values)
    subjects = [row.subject for row, is_known in zip(rows, known, strict=True) if is_known]
    return mean_interval(subject_means(values[known], subjects), seed)


def _by_subject(rows: Iterable[BenchmarkRow]) -> dict[str, float]:
    """Mean headline error of each subject; a subject with a failure is left out."""
    rows = list(rows)
    failed = {row.subject for row in rows if row.failure is not None}
    kept = [row for row in rows if row.subject not in failed]
    subjects = [row.subject for row in kept]
    means = subject_means(np.array([row.face_scan_to_mesh_mm for row in kept]), subjects)
    return dict(zip(sorted(set(subjects)), means.tolist(), strict=True))


def _attribute(name: str) -> Pick:
    return lambda row: float(getattr(row, name))


def _part(name: str) -> Pick:
    return lambda row: row.parts_iou.get(name, np.nan)


def _free_mesh(name: str) -> Pick:
    return lambda row: row.free_mesh.get(name, np.nan)


def _region(name: str) -> Pick:
    return lambda row: row.regions_mm.get(name, np.nan)
