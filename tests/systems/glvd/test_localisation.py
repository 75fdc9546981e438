"""The localisation table: errors by part of the face, head pose and source."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from headwater.data.crops import crop_views
from headwater.data.mirror import mirror_of
from headwater.data.placement import placed_views
from headwater.errors import HeadwaterError
from headwater.metrics.strata import YAW_EDGES_DEGREES, yaw_degrees
from headwater.networks.localiser.points import LANDMARKS, localised_points
from headwater.systems.glvd.config import HeatmapInput
from headwater.systems.glvd.localisation import (
    ALL,
    LANDMARK_GROUPS,
    LocalisationRow,
    localisation,
    localisation_table,
    point_groups,
)
from headwater.systems.glvd.train import build
from headwater.systems.glvd.weights import TrainedGlvd
from tests.networks.test_localiser_points import TEMPLATE as EGG
from tests.systems.glvd.test_heatmaps import HEADS, TEMPLATE, TOY, VIEWS, head_targets
from tests.systems.glvd.test_localiser import CONFIG
from tests.systems.glvd.test_oracle_heatmaps import true_landmarks

DENSE = TOY.model_copy(
    update={
        "heatmaps": HeatmapInput(source="trained"),
        "localiser": CONFIG.model_copy(update={"face_points": 2}),
    }
)


def untrained() -> TrainedGlvd:
    return TrainedGlvd(build(DENSE, head_targets(), TEMPLATE, 0).eval(), DENSE, TEMPLATE)


def by_name(rows: list[LocalisationRow]) -> dict[tuple[str, str], LocalisationRow]:
    return {(row.source, row.group): row for row in rows}


def test_the_detectors_errors_are_its_shift_and_nothing_without_its_mean_offset() -> None:
    """Toy views are detected exactly: all landmarks in all views are shifted in the picture."""
    trained, first = untrained(), np.flatnonzero(VIEWS.head == 0)[:1]
    view = VIEWS.choose(first)
    exact = by_name(localisation(trained, HEADS, view))
    assert exact["detector", ALL].px < 1e-2
    moved = replace(view, landmarks_478_px=view.landmarks_478_px + np.float32([0.5, -1.0]))
    rows = by_name(localisation(trained, HEADS, moved))
    crops = crop_views(placed_views(moved, TEMPLATE), TEMPLATE.nose_bridge, TOY.image_px, 280.0)
    # The shift in the crop, which is turned and scaled, and of the place that the crop has now.
    points = true_landmarks(view)[0] @ view.R[0].T + view.t[0]
    pixels = points @ view.K[0].T
    to_crop = crops.to_crop[0]
    truth = pixels[:, :2] / pixels[:, 2:] @ to_crop[:2, :2].T + to_crop[:2, 2]
    px = np.abs(crops.landmarks[0].numpy() - truth).mean()
    assert px > 0.2
    assert rows["detector", ALL].px == pytest.approx(px, abs=1e-3)
    assert rows["detector", ALL].mm == pytest.approx(px * 280.0 / TOY.image_px, abs=1e-2)
    assert rows["detector, mean offset taken off", ALL].px < 1e-3


def test_groups_and_bins_average_to_the_whole() -> None:
    trained = untrained()
    rows = by_name(localisation(trained, HEADS, VIEWS))
    yaw = np.abs([yaw_degrees(rotation) for rotation in VIEWS.R])
    for source in ("localiser", "detector"):
        groups = [row for (name, group), row in rows.items() if name == source and group != ALL]
        whole = rows[source, ALL]
        assert sum(row.points for row in groups) == whole.points
        mean = sum(row.px * row.points for row in groups) / whole.points
        assert mean == pytest.approx(whole.px, rel=1e-4)
        shares = [
            float(((yaw >= low) & (yaw < high)).mean()) for low, high in pairwise(YAW_EDGES_DEGREES)
        ]
        of_bins = sum(
            share * value
            for share, value in zip(shares, whole.by_yaw, strict=True)
            if not np.isnan(value)
        )
        assert of_bins == pytest.approx(whole.mm, rel=1e-4)
    assert rows["localiser", ALL].points == LANDMARKS + 2
    assert rows["detector", ALL].points == LANDMARKS


def test_spreads_are_judged_by_the_errors_they_belong_to() -> None:
    """Twice as wide, half as many spreads."""
    trained = untrained()
    before = by_name(localisation(trained, HEADS, VIEWS))["localiser", ALL].normal
    assert trained.network.localiser is not None
    with torch.no_grad():
        trained.network.localiser.calibration[:, 1] += np.log(2.0)
    after = by_name(localisation(trained, HEADS, VIEWS))["localiser", ALL].normal
    assert after == pytest.approx(before / 2.0, rel=1e-4)


def test_views_without_a_detected_face_are_left_out() -> None:
    trained = untrained()
    blank = VIEWS.landmarks_478_px.copy()
    blank[1:] = np.nan
    rows = localisation(trained, HEADS, replace(VIEWS, landmarks_478_px=blank))
    assert {row.views for row in rows} == {1}
    blank[:] = np.nan
    with pytest.raises(HeadwaterError, match="no view shows a face"):
        localisation(trained, HEADS, replace(VIEWS, landmarks_478_px=blank))


def test_weights_without_a_localiser_say_how_to_get_one() -> None:
    trained = TrainedGlvd(build(TOY, head_targets(), TEMPLATE, 0).eval(), TOY, TEMPLATE)
    with pytest.raises(HeadwaterError, match=r"no localiser; train with heatmaps: trained"):
        localisation(trained, HEADS, VIEWS)


def test_vertices_are_of_the_forehead_the_cheeks_or_the_chin_by_their_height() -> None:
    points = localised_points(EGG, 40, mirror_of(EGG))
    groups, places = point_groups(EGG, points), points.on(EGG.mean)
    for name, rows in LANDMARK_GROUPS.items():
        assert set(groups[list(rows)]) == {name}
    brows = places[list(LANDMARK_GROUPS["brows"]), 1].mean()
    mouth = places[list(LANDMARK_GROUPS["mouth"]), 1].min()
    for group, (_, y, _) in zip(groups[LANDMARKS:], places[LANDMARKS:], strict=True):
        assert group == ("forehead" if y > brows else "chin" if y < mouth else "cheeks and temples")


def test_the_table_has_a_line_for_every_row_and_nothing_for_what_is_not_there() -> None:
    row = LocalisationRow("detector", "eyes", 12, 3, 1.0, 2.1875, (2.0, np.nan, 3.0, 1.5), np.nan)
    lines = localisation_table([row]).splitlines()
    assert lines[0].startswith("| source | points | views | px | mm | 0 to 15°")
    assert lines[2] == "| detector | eyes (12) | 3 | 1.00 | 2.19 | 2.00 |  | 3.00 | 1.50 |  |"
    assert len(lines) == 3
