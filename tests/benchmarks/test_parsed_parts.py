"""The table of Part IoU by the parser, and builds that have none."""

import shutil
from pathlib import Path

import pytest

from benchmarks.parsed_parts import DIRECT, measure, table
from headwater.errors import HeadwaterError
from headwater.metrics.part_iou import AVERAGE, NAMES

PROJECT = Path(__file__).resolve().parents[2]


def test_a_row_an_answer_with_means_and_deviations_over_images() -> None:
    rows = [
        {
            "mean_head": {AVERAGE: 60.0, DIRECT: 50.0, NAMES[0]: 40.0},
            "PRDL": {AVERAGE: 70.0 + number, NAMES[0]: 80.0},
        }
        for number in (-2, 2)
    ]
    lines = table(rows).splitlines()
    assert lines[0].startswith("Part IoU, %, of 2 frontal images")
    assert len({line.count("|") for line in lines[3:]}) == 1
    assert lines[5].startswith(
        "| mean_head | 60.0 ± 0.0 | 60.0 to 60.0 | 50.0 ± 0.0 | 40.0 ± 0.0 |  |"
    )
    assert lines[6].startswith("| PRDL | 70.0 ± 2.0 | 68.0 to 72.0 |  | 80.0 ± 0.0 |")


def test_a_build_without_a_parser_is_refused(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    with pytest.raises(HeadwaterError, match="is landmarks, which parses no picture"):
        measure(tmp_path, None)
