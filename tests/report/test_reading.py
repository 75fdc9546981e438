"""Columns of CSV files, and which of a training's are drawn."""

import math
from pathlib import Path

from headwater.report.reading import series_of
from headwater.report.results import loss_curves

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
    assert loss_curves(table) == {
        "loss": ([1.0, 2.0], [0.2, 0.1]),
        "vertex_loss": ([1.0, 2.0], [0.2, 0.1]),
    }


def test_a_loss_that_begins_later_is_drawn_from_there_and_the_largest_last_one_first() -> None:
    nan = math.nan
    table = {
        "step": [10.0, 20.0, 30.0],
        "loss": [1.0, 1.5, 1.4],
        "landmark_loss": [1.0, 0.5, 0.4],
        "prdl_loss": [nan, 1.0, 0.9],
        "learning_rate": [0.1, 0.1, 0.1],
    }
    curves = loss_curves(table)
    assert list(curves) == ["loss", "prdl_loss", "landmark_loss"]
    assert curves["prdl_loss"] == ([20.0, 30.0], [1.0, 0.9])
    assert loss_curves({"step": [1.0], "error": [2.0]}) == {"error": ([1.0], [2.0])}
