"""Options of benchmarks, refused before anything is measured where they make no sense."""

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


def two_or_more(given: str) -> int:
    """A number of heads, two or more, as intervals need. Raises argparse's error for any other."""
    try:
        number = int(given)
    except ValueError:
        number = 0
    if number < 2:
        raise argparse.ArgumentTypeError(f"{given[:40]!r} is no whole number of 2 or more")
    return number
