"""Systems side by side: which lines there are, their order, and what fills them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headwater.evaluation.heads.heat_map import write_heat_maps
from headwater.geometry.registration import Similarity
from headwater.metrics.benchmark import BenchmarkRow
from headwater.metrics.face_regions import REGIONS
from headwater.metrics.scan_to_mesh import SurfaceError
from headwater.rendering.plain import CLAY
from headwater.report.comparison import Strata, compare_systems
from headwater.report.systems import systems_section, vertex_colours
from tests.evaluation.written_rows import write_rows
from tests.report.tiny_data import SPHERE

TITLES = {"lvd": "LVD", "glvd": "GLVD"}
BUILD = ("glvd", "glvd_medium", "lvd", "new")
HELD_OUT, OTHER = "Held-out heads", "Heads of another model"


def rows(system: str, scale: float, views: int = 1, size: str | None = None) -> list[BenchmarkRow]:
    return [
        BenchmarkRow(
            f"head{i}",
            system,
            views,
            10.0 * i,
            float(i),
            face_scan_to_mesh_mm=scale * (1.0 + 0.1 * i),
            h3ds_face_mm=2.0,
            regions_mm={"nose": 0.5 * scale},
            size=size,
        )
        for i in range(5)
    ]


def test_systems_stand_below_the_baselines_with_their_share_of_the_mean_heads_error(
    tmp_path: Path,
) -> None:
    evaluated = tmp_path / "evaluate"
    failed = BenchmarkRow("head9", "glvd", 1, 0.0, 0.0, failure="none", size="small")
    write_rows(evaluated / "glvd", {"held_out": [*rows("glvd", 0.5, size="small"), failed]})
    write_rows(evaluated / "glvd_medium", {"held_out": rows("glvd", 0.4, size="medium")})
    write_rows(evaluated / "new", {"held_out": rows("new", 0.8)})
    write_rows(evaluated / "lvd", {"held_out": [*rows("lvd", 0.9), *rows("lvd", 0.7, views=3)]})
    baselines = [*rows("mean_head", 1.0), *rows("mean_head", 1.0, views=3)]
    write_rows(evaluated / "baselines", {"held_out": baselines, "other": rows("mean_head", 2.0)})
    compared = compare_systems(tmp_path, TITLES, BUILD)
    assert [(line.system, line.test_set, line.views) for line in compared.lines] == [
        ("mean head", HELD_OUT, 1),
        ("LVD", HELD_OUT, 1),
        ("GLVD medium", HELD_OUT, 1),
        ("GLVD small", HELD_OUT, 1),
        ("new", HELD_OUT, 1),
        ("mean head", HELD_OUT, 3),
        ("LVD", HELD_OUT, 3),
        ("mean head", OTHER, 1),
    ]
    assert [(name, len(lines)) for name, lines in compared.tables] == [(HELD_OUT, 7), (OTHER, 1)]
    assert compared.lines[2].error.value == pytest.approx(0.48)
    glvd = compared.lines[3]
    assert glvd.error.value == pytest.approx(0.6)
    assert glvd.ratio.value == pytest.approx(0.5)
    assert glvd.error.low < glvd.error.value < glvd.error.high
    assert (glvd.subjects, glvd.failures) == (5, 1)
    assert glvd.regions_mm["nose"] == pytest.approx(0.25)
    assert np.isnan(glvd.regions_mm["chin"])


def test_estimated_cameras_lead_and_have_the_difference_from_given_ones(tmp_path: Path) -> None:
    given = [*rows("glvd", 1.0), *rows("glvd", 0.8, views=3)]
    alone = [replace(one, camera="estimated") for one in rows("glvd", 1.5)[:4]]
    lost = BenchmarkRow("head4", "glvd", 1, np.nan, 0.0, camera="estimated", failure="no face")
    write_rows(tmp_path / "evaluate" / "glvd", {"held_out": [*given, *alone, lost]})
    mean = rows("mean_head", 2.0)
    both = [*mean, *(replace(one, camera="estimated") for one in mean[:4])]
    write_rows(tmp_path / "evaluate" / "baselines", {"held_out": both})
    compared = compare_systems(tmp_path, TITLES, BUILD)
    assert [(line.system, line.views, line.camera) for line in compared.lines] == [
        ("mean head", 1, "estimated"),
        ("GLVD", 1, "estimated"),
        ("mean head", 1, "given"),
        ("GLVD", 1, "given"),
        ("GLVD", 3, "given"),
    ]
    mean_line, line, *others = compared.lines
    assert line.more.value == pytest.approx(0.5 * np.mean([1.0, 1.1, 1.2, 1.3]))
    assert line.more.low <= line.more.value <= line.more.high
    assert (line.subjects, line.failures) == (4, 1)
    assert line.ratio.value == pytest.approx(0.75)
    assert mean_line.more.value == pytest.approx(0.0)
    assert all(np.isnan(one.more.value) for one in others)
    # Charts are of given cameras alone.
    views = next(one for one in compared.strata if one.kind == "views")
    assert [one.error.value for one in views.systems[1][1]] == pytest.approx([1.2, 0.96])


def test_a_system_that_left_the_build_is_not_compared(tmp_path: Path) -> None:
    for system in ("glvd", "lvd"):
        write_rows(tmp_path / "evaluate" / system, {"held_out": rows(system, 0.5)})
        photographed = tmp_path / "reconstruct" / system
        photographed.mkdir(parents=True)
        (photographed / "figures.json").write_text('{"real_photos": 2}')
    write_rows(tmp_path / "evaluate" / "baselines" / "heads", {"held_out": rows("mean_head", 1.0)})
    compared = compare_systems(tmp_path, TITLES, ["glvd"])
    assert [line.system for line in compared.lines] == ["mean head", "GLVD"]
    assert [line.system for line in compared.photos] == ["GLVD"]


def strata(data: Path, kind: str) -> Strata:
    return next(one for one in compare_systems(data, TITLES, BUILD).strata if one.kind == kind)


def test_bins_of_all_systems_stand_side_by_side(tmp_path: Path) -> None:
    evaluated = tmp_path / "evaluate"
    write_rows(evaluated / "baselines", {"held_out": rows("mean_head", 1.0)})
    side = [replace(one, first_view=1, yaw_degrees=-60.0) for one in rows("glvd", 2.0)]
    several = [*rows("glvd", 0.5), *rows("glvd", 0.3, views=3), *side]
    write_rows(evaluated / "glvd", {"held_out": several})
    yaw = strata(tmp_path, "yaw")
    assert yaw.labels == ["0 to 15", "15 to 30", "30 to 45", "60 to 75"]
    assert yaw.heads == [2, 1, 2, 5]
    (mean, base), (glvd, ours) = yaw.systems
    assert (mean, glvd) == ("mean head", "GLVD")
    assert [one.error.value for one in ours] == pytest.approx([0.525, 0.6, 0.675, 2.4])
    assert [one.subjects for one in base] == [2, 1, 2, 0]
    assert np.isnan(base[3].error.value)
    assert strata(tmp_path, "expression").labels == ["0 to 0.5", "0.5 to 2", "2 and more"]
    assert strata(tmp_path, "expression").heads == [1, 1, 3]
    assert strata(tmp_path, "views").labels == ["1", "3"]
    # Nobody knows from how high these were seen.
    assert "pitch" not in [one.kind for one in compare_systems(tmp_path, TITLES, BUILD).strata]
    region = strata(tmp_path, "region")
    assert region.labels == list(REGIONS)
    assert region.systems[1][1][REGIONS.index("nose")].error.value == pytest.approx(0.25)


def test_single_images_alone_are_split_by_pose(tmp_path: Path) -> None:
    """The first of two strata of a kind is of given cameras."""
    poses = (-40.0, -20.0, 0.0, 20.0, 40.0)
    for name, system in (("baselines", "mean_head"), ("glvd", "glvd")):
        given = rows(system, 1.0)
        pairs = zip(given, poses, strict=True)
        alone = [replace(one, camera="estimated", pitch_degrees=at) for one, at in pairs]
        write_rows(tmp_path / "evaluate" / name, {"held_out": [*given, *alone]})
    found = compare_systems(tmp_path, TITLES, BUILD)
    estimated = {one.kind: one for one in found.strata if one.camera == "estimated"}
    assert list(estimated) == ["yaw", "pitch", "views"]
    assert estimated["views"].labels == ["1"]
    assert estimated["pitch"].labels == [
        "-30 and less",
        "-30 to -15",
        "-15 to 15",
        "15 to 30",
        "30 and more",
    ]
    titles = [one.title for one in systems_section(found).charts]
    assert titles[-3:] == [
        "Turn, camera estimated",
        "Height, camera estimated",
        "Views, camera estimated",
    ]


def heat(folder: Path, system: str, error: float) -> None:
    region = np.arange(40)
    found = SurfaceError(np.full(40, error), region, aligned=True, transform=Similarity.identity())
    row = BenchmarkRow("head", system, 1, 0.0, 0.0, face_scan_to_mesh_mm=error, heat=found)
    write_rows(folder, {"held_out": [row]})
    write_heat_maps(folder, [row], SPHERE.vertices, SPHERE.faces)


def test_vertices_of_less_than_half_of_the_heads_are_grey_and_outside_the_scale(
    tmp_path: Path,
) -> None:
    front = np.flatnonzero(SPHERE.vertices[:, 2] > 0.0)
    rim = np.flatnonzero(np.abs(SPHERE.vertices[:, 2]) <= 1e-9)
    judged = []
    for number in range(5):
        # One head alone is measured at the rim, where it is far off; three of five at the top.
        region = np.concatenate([front, rim]) if number == 0 else front[: len(front) // 2]
        region = front if number in (1, 2) else region
        distances = np.where(np.isin(region, rim), 30.0, 1.5)
        measured = SurfaceError(distances, region, aligned=True, transform=Similarity.identity())
        judged.append(
            BenchmarkRow(
                f"{number:032x}", "glvd", 1, 0.0, 0.0, face_scan_to_mesh_mm=1.5, heat=measured
            )
        )
    folder = tmp_path / "evaluate" / "glvd"
    write_rows(folder, {"held_out": judged})
    write_heat_maps(folder, judged, SPHERE.vertices, SPHERE.faces)
    section = systems_section(compare_systems(tmp_path, {"glvd": "GLVD"}, ("glvd",)))
    assert (section.heads, section.limit_mm) == (5, 2.0)
    ((_, one),) = section.compared.heat
    colours = vertex_colours(one, section.limit_mm)
    assert len(rim)
    assert np.array_equal(colours[rim], np.broadcast_to(CLAY, (len(rim), 3)))
    assert not (colours[front] == CLAY).all(axis=1).any()


def test_heat_maps_share_one_colour_scale(tmp_path: Path) -> None:
    heat(tmp_path / "evaluate" / "baselines", "mean_head", 3.5)
    heat(tmp_path / "evaluate" / "glvd", "glvd", 0.5)
    section = systems_section(compare_systems(tmp_path, TITLES, BUILD))
    assert section.limit_mm == 4.0
    assert section.heads == 1
    assert [[name for name, _ in row.pictures] for row in section.heat] == 2 * [
        ["mean head", "GLVD"]
    ]
    assert len({picture for row in section.heat for _, picture in row.pictures}) == 4
    assert [one.title for one in section.charts] == ["Region", "Turn", "Expression", "Views"]


def test_photos_are_compared_where_there_are_any(tmp_path: Path) -> None:
    evaluated = tmp_path / "evaluate"
    for system, figures in {
        "glvd": {"real_photos": 2, "real_landmark_nme_percent": 2.5, "real_mask_iou": 0.9},
        "lvd": {"real_photos": 0},
    }.items():
        write_rows(evaluated / system, {"held_out": rows(system, 1.0, size="small")})
        photographed = tmp_path / "reconstruct" / system
        photographed.mkdir(parents=True)
        (photographed / "figures.json").write_text(json.dumps(figures))
    (line,) = compare_systems(tmp_path, TITLES, BUILD).photos
    assert (line.system, line.photos, line.nme_percent) == ("GLVD small", 2, 2.5)
    assert np.isnan(line.worst_percent)


def test_nothing_evaluated_is_nothing_to_compare(tmp_path: Path) -> None:
    assert compare_systems(tmp_path, TITLES, BUILD).lines == []
