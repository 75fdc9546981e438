"""Systems side by side: which lines there are, their order, and what fills them."""

from pathlib import Path

import numpy as np
import pytest

from headwater.benchmark.table import write_rows
from headwater.metrics.benchmark import BenchmarkRow
from headwater.report.comparison import compare_systems


def rows(system: str, scale: float, views: int = 1) -> list[BenchmarkRow]:
    return [
        BenchmarkRow(
            f"head{i}",
            system,
            views,
            10.0 * i,
            float(i),
            honest_face_mm=scale * (1.0 + 0.1 * i),
            h3ds_face_mm=2.0,
            regions_mm={"nose": 0.5 * scale},
        )
        for i in range(5)
    ]


def test_systems_stand_below_the_baselines_with_their_share_of_the_mean_heads_error(
    tmp_path: Path,
) -> None:
    evaluated = tmp_path / "evaluate"
    failed = BenchmarkRow("head9", "glvd", 1, 0.0, 0.0, failure="none")
    write_rows(evaluated / "glvd", {"held_out": [*rows("glvd", 0.5), failed]})
    write_rows(evaluated / "new", {"held_out": rows("new", 0.8)})
    write_rows(evaluated / "lvd", {"held_out": [*rows("lvd", 0.9), *rows("lvd", 0.7, views=3)]})
    baselines = [*rows("mean_head", 1.0), *rows("mean_head", 1.0, views=3)]
    write_rows(evaluated / "baselines", {"held_out": baselines, "other": rows("mean_head", 2.0)})
    compared = compare_systems(tmp_path)
    assert [(line.system, line.test_set, line.views) for line in compared.lines] == [
        ("mean head", "held out", 1),
        ("LVD", "held out", 1),
        ("GLVD", "held out", 1),
        ("new", "held out", 1),
        ("mean head", "held out", 3),
        ("LVD", "held out", 3),
        ("mean head", "another model's", 1),
    ]
    glvd = compared.lines[2]
    assert glvd.error.value == pytest.approx(0.6)
    assert glvd.ratio.value == pytest.approx(0.5)
    assert glvd.error.low < glvd.error.value < glvd.error.high
    assert (glvd.subjects, glvd.failures) == (5, 1)
    assert glvd.regions_mm["nose"] == pytest.approx(0.25)
    assert np.isnan(glvd.regions_mm["chin"])
    yaw = next(group for group in compared.bins if group.system == "GLVD")
    assert sum(count for _, _, count in yaw.members) == 5
    assert yaw.members[0][0] == "0 to 15"


def test_nothing_evaluated_is_nothing_to_compare(tmp_path: Path) -> None:
    assert compare_systems(tmp_path).lines == []
