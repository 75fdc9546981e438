"""Toy step, not bucketed: the sum of everything."""

import os
import time
from pathlib import Path

from tasks.toy_tables import DOUBLES, SQUARES

from headwater.artifacts.atomic import write_text
from headwater.artifacts.tables import read_table
from tasks.command import command
from tasks.console import progress


def main() -> str:
    """Write the sum."""
    total = 0
    with progress("total", 2) as advance:
        for schema in (DOUBLES, SQUARES):
            time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
            total += sum(read_table(Path("data"), schema).column("value").to_pylist())
            advance(note=f"sum {total}")
    write_text(Path("data/total/total.txt"), f"{total}\n")
    write_text(Path("data/total/metrics.json"), f'{{"of": {{"sum": {total}}}}}\n')
    return f"sum {total}"


if __name__ == "__main__":
    command(main)
