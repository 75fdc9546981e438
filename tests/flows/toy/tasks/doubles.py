"""Toy step: doubles of the numbers."""

import os
import time

from tasks.toy_tables import DOUBLES, NUMBERS

from headwater.pipeline.step import Input, Result, Step, Work
from tasks.command import run


def compute(work: Work, result: Result) -> None:
    """Compute the doubles."""
    time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
    rows = work.by_item(NUMBERS)
    for item in work.items:
        with result.rejecting(item):
            row = rows[item.item]
            result.add(DOUBLES, {**row, "value": 2 * row["value"]})


STEP = Step(
    "doubles",
    1,
    (Input(NUMBERS, ("item", "subject", "value")),),
    (DOUBLES,),
    lambda params: {},
    compute,
)

if __name__ == "__main__":
    run(STEP)
