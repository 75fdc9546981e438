"""Toy step: squares of the numbers."""

import os
import time

from tasks.toy_tables import NUMBERS, SQUARES

from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run


def compute(work: Work, result: Result) -> None:
    """Compute the squares."""
    time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
    rows = work.by_item(NUMBERS)
    for item in work.items:
        with result.rejecting(item):
            row = rows[item.item]
            result.add(SQUARES, {**row, "value": row["value"] ** 2})


STEP = Step(
    "squares",
    1,
    (Input(NUMBERS, ("item", "subject", "value")),),
    (SQUARES,),
    lambda params: {},
    compute,
)

if __name__ == "__main__":
    run(STEP)
