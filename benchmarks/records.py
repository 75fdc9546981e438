"""Files that benchmarks write their figures to."""

import argparse
from pathlib import Path

from headwater.errors import HeadwaterError
from headwater.upkeep.places import check_writable


def record_file(named: str) -> Path:
    """The file of an option ``--out``; its folder is made.

    Raises argparse's error, before anything was measured, where none can be written there.
    """
    path = Path(named)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path}: is a folder; name a file")
    try:
        check_writable(path.parent)
    except HeadwaterError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from problem
    return path
