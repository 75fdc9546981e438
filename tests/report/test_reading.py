"""Columns of CSV files, and which of a training's are drawn."""

import math
from pathlib import Path

from headwater.report.reading import series_of
from headwater.report.results import descent_steps

CURVE = """step,loss,heatmap_loss,vertex_loss
-1,3.5,3.5,
0,3.0,3.0,
1,0.2,,0.2
2,0.1,,0.1
"""


def test_an_empty_cell_is_nan_and_text_is_no_column(tmp_path: Path) -> None:
    path = tmp_path / "loss.csv"
    path.write_text("step,name,value\n1,a,\n2,b,4\n")
    table = series_of(path)
    assert table is not None
    assert list(table) == ["step", "value"]
    assert math.isnan(table["value"][0])
    assert table["value"][1] == 4.0


def test_a_training_is_drawn_from_its_descents_first_step(tmp_path: Path) -> None:
    path = tmp_path / "loss.csv"
    path.write_text(CURVE)
    table = series_of(path)
    assert table is not None
    assert descent_steps(table) == {
        "step": [1.0, 2.0],
        "loss": [0.2, 0.1],
        "vertex_loss": [0.2, 0.1],
    }
