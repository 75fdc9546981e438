"""Curves of trainings and answers as DVC draws them."""

import math
from pathlib import Path

from headwater.training.run import loss_table
from tasks.figures import CURVES, LOSS, curve

RECORDS = [
    {"step": -10.0, "learning_rate": 0.1, "sdf_loss": 4.0},
    {"step": 10.0, "learning_rate": 0.1, "vertex_loss": 2.0},
    {"step": 20.0, "learning_rate": 0.1, "vertex_loss": 1.0, "validation": 3.25},
]


def drawn(path: Path, chart: str) -> list[tuple[float, float]]:
    columns = {name: column for name, *_, column in CURVES} | {"loss": LOSS}
    column = columns[chart]
    lines = list(curve(path, column))
    assert all(line[0] == "glvd" and all(map(math.isnan, line[3:])) for line in lines)
    return [line[1:3] for line in lines]


def test_losses_and_errors_on_the_validation_split_are_drawn_over_the_steps(tmp_path: Path) -> None:
    path = tmp_path / "glvd" / "loss.csv"
    path.parent.mkdir()
    path.write_text(loss_table(RECORDS))
    assert drawn(path, "loss") == [(-10.0, 4.0), (10.0, 2.0), (20.0, 1.0)]
    assert drawn(path, "validation") == [(20.0, 3.25)]


def test_a_training_without_validation_has_no_such_curve(tmp_path: Path) -> None:
    path = tmp_path / "glvd" / "loss.csv"
    path.parent.mkdir()
    path.write_text(loss_table(RECORDS[:2]))
    assert drawn(path, "validation") == []
    path.write_text("step,vertex_error_mm\n0,70\n1,20\n")
    assert drawn(path, "descent") == [(0.0, 70.0), (1.0, 20.0)]
