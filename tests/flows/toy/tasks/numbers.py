"""Toy step: numbers from nothing; every tenth is rejected."""

import os
import time
from pathlib import Path

from tasks.toy_tables import NUMBERS

from headwater.artifacts.ids import item_id
from headwater.artifacts.tables import Row
from headwater.config import Params
from headwater.errors import ItemRejected
from headwater.pipeline.step import Item, Result, Step, Work
from tasks.command import run


def sources(params: Params, project: Path) -> list[Item]:
    """One item per number."""
    numbers = range(params.synthesize.subjects)
    return [Item(item_id(n), item_id(n), f"number {n}", {"value": n}) for n in numbers]


def compute(work: Work, result: Result) -> None:
    """Write the numbers down, with the chatter of a C library."""
    os.write(1, b"C chatter\n")
    os.write(2, b"C chatter\n")
    time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
    for item in work.items:
        with result.rejecting(item):
            result.add(NUMBERS, _row(item))


def _row(item: Item) -> Row:
    value = item.source["value"]
    if value % 10 == 9:
        raise ItemRejected("nine", "The number ends with a nine.")
    return {"item": item.item, "subject": item.subject, "value": value}


STEP = Step("numbers", 1, (), (NUMBERS,), lambda params: {}, compute, sources=sources)

if __name__ == "__main__":
    run(STEP)
