"""Localisation errors: how far from the truth points of the face are found in crops."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.data.crops import crop_views, projected_points
from headwater.data.mirror import mirror_of
from headwater.data.placement import placed_views
from headwater.data.scenes import FloatArray, Heads, Template, Views
from headwater.errors import HeadwaterError
from headwater.heads.model import SurfacePoints
from headwater.metrics.strata import YAW_EDGES_DEGREES, bin_numbers, yaw_degrees
from headwater.networks.localiser.points import LANDMARKS, localised_points
from headwater.systems.glvd.weights import TrainedGlvd
from headwater.training.determinism import deterministic

ALL: Final = "all points"
LANDMARK_GROUPS: Final = {
    "jaw line": range(17),
    "brows": range(17, 27),
    "nose": range(27, 36),
    "eyes": range(36, 48),
    "mouth": range(48, 68),
}
YAW_BINS: Final = len(YAW_EDGES_DEGREES) - 1


@dataclass(frozen=True)
class LocalisationRow:
    """Mean absolute errors per axis of one group of points, by one source, over views.

    px: of the crop. mm: at the head's depth. by_yaw: mm in the bins of ``YAW_EDGES_DEGREES``, NaN
    where no view is in one. normal: root mean square of the errors in predicted spreads, 1 where
    these are right; NaN where the source predicts none.
    """

    source: str
    group: str
    points: int
    views: int
    px: float
    mm: float
    by_yaw: tuple[float, ...]
    normal: float


def localisation(trained: TrainedGlvd, heads: Heads, views: Views) -> list[LocalisationRow]:
    """Errors of the localiser, and of the detector with and without its mean offset.

    heads, views: with truth, on which a face was detected; views in which none was are left out.
    The detector's mean offset is each landmark's over these very views. Raises HeadwaterError
    where the network has no localiser, or no view shows a face.
    """
    config, template, localiser = trained.config, trained.template, trained.network.localiser
    if localiser is None:
        raise HeadwaterError(
            "these weights have no localiser; train with heatmaps: trained under systems.glvd."
            "overrides in params.yaml"
        )
    views = views.choose(np.isfinite(views.landmarks_478_px).all(axis=(1, 2)))
    if not len(views):
        raise HeadwaterError("no view shows a face that was detected; nothing to localise in")
    placed = placed_views(views, template)
    crops = crop_views(placed, template.nose_bridge, config.image_px, config.crop_mm)
    points = localised_points(template, config.localiser.face_points, mirror_of(template))
    true = np.stack([points.on(head) for head in heads.vertices])
    truth = projected_points(crops, views, true[views.head]).numpy()
    with deterministic(config.threads, localiser.device):
        located = localiser.localise(crops.pixels)
    errors = located.places.numpy() - truth
    detected = crops.landmarks.numpy() - truth[:, :LANDMARKS]
    yaw = bin_numbers(np.abs([yaw_degrees(R) for R in views.R]), YAW_EDGES_DEGREES)
    groups, mm = point_groups(template, points), config.crop_mm / config.image_px
    spreads = located.spreads.numpy()
    return [
        *_rows("localiser", groups, errors, yaw, mm, spreads),
        *_rows("detector", groups[:LANDMARKS], detected, yaw, mm),
        *_rows(
            "detector, mean offset taken off",
            groups[:LANDMARKS],
            detected - detected.mean(axis=0),
            yaw,
            mm,
        ),
    ]


def point_groups(template: Template, points: SurfacePoints) -> NDArray[np.str_]:
    """(P,) the part of the face of each of ``localised_points``.

    Vertices are of the forehead above the brows, of the chin below the mouth, else of the cheeks.
    """
    places = points.on(template.mean)
    groups = np.full(len(places), "cheeks and temples", dtype="<U32")
    landmarks = places[:LANDMARKS]
    brows, mouth = (landmarks[list(LANDMARK_GROUPS[name]), 1] for name in ("brows", "mouth"))
    groups[places[:, 1] > brows.mean()] = "forehead"
    groups[places[:, 1] < mouth.min()] = "chin"
    for name, rows in LANDMARK_GROUPS.items():
        groups[list(rows)] = name
    return groups


def localisation_table(rows: Sequence[LocalisationRow]) -> str:
    """The rows as a Markdown table."""
    ends = [f"{edge:g}" for edge in YAW_EDGES_DEGREES]
    bins = [f"{low} to {high}°" for low, high in pairwise(ends[:-1])]
    head = ["source", "points", "views", "px", "mm", *bins, f"beyond {ends[-2]}°", "in spreads"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        named = f"{row.group} ({row.points})"
        numbers = [row.px, row.mm, *row.by_yaw, row.normal]
        cells = ["" if np.isnan(value) else f"{value:.2f}" for value in numbers]
        lines.append(f"| {' | '.join([row.source, named, str(row.views), *cells])} |")
    return "\n".join(lines) + "\n"


def _rows(
    source: str,
    groups: NDArray[np.str_],
    errors: NDArray[np.floating[Any]],
    yaw: NDArray[np.intp],
    mm: float,
    spreads: FloatArray | None = None,
) -> list[LocalisationRow]:
    """Rows of all points, then of each group, from errors (n, P, 2) px and yaw bins (n,)."""
    rows = []
    for name in (ALL, *dict.fromkeys(groups.tolist())):
        chosen = np.ones(len(groups), bool) if name == ALL else groups == name
        size = np.abs(errors[:, chosen]).mean(axis=(1, 2))
        by_yaw = [
            float(mm * size[yaw == number].mean()) if (yaw == number).any() else np.nan
            for number in range(YAW_BINS)
        ]
        normal = np.nan
        if spreads is not None:
            normal = float(np.sqrt(((errors / spreads[..., None])[:, chosen] ** 2).mean()))
        px = float(size.mean())
        rows.append(
            LocalisationRow(
                source, name, int(chosen.sum()), len(errors), px, mm * px, tuple(by_yaw), normal
            )
        )
    return rows
