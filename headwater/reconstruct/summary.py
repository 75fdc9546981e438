"""Outcome of every photo, as a CSV file and for the console."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rich.table import Table


class Status(StrEnum):
    """Outcome of a photo."""

    DONE = "reconstructed"
    REPEATED = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Outcome:
    """One photo. name: printable. folder: of its head below the output, empty without one.

    reason, message: why it was rejected or is uncertain, whose bytes it repeats, or how its face
    was found. guessed: the part of the face that the photo does not show, in words.
    """

    name: str
    sha256: str
    status: Status
    folder: str = ""
    error_percent: float | None = None
    faces_found: int | None = None
    reason: str = ""
    message: str = ""
    guessed: str = ""


COLUMNS: Final = (
    "photo",
    "status",
    "folder",
    "landmark_error_percent",
    "faces_found",
    "reason",
    "message",
    "sha256",
)
UNCERTAIN: Final = "uncertain"
FIRST_OF_FORMULA: Final = ("=", "+", "-", "@")


def summary_csv(outcomes: Sequence[Outcome]) -> str:
    """The table as CSV, one row per file, those that are no photos first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in outcomes:
        error = "" if one.error_percent is None else f"{one.error_percent:.3f}"
        faces = "" if one.faces_found is None else one.faces_found
        writer.writerow(
            [
                _text(one.name),
                one.status,
                _text(one.folder),
                error,
                faces,
                one.reason,
                _text(one.message),
                one.sha256,
            ]
        )
    return buffer.getvalue()


def _text(value: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(FIRST_OF_FORMULA) else value


def counts(outcomes: Sequence[Outcome]) -> str:
    """The totals in one line."""
    parts = [f"{_count(outcomes, Status.DONE)} of {len(outcomes)} reconstructed"]
    if repeated := _count(outcomes, Status.REPEATED):
        parts.append(f"{repeated} duplicate" + ("s" if repeated > 1 else ""))
    if rejected := _count(outcomes, Status.REJECTED):
        parts.append(f"{rejected} rejected")
    return ", ".join(parts)


def summary_table(outcomes: Sequence[Outcome]) -> Table:
    """The table for the console."""
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, justify in (("photo", "left"), ("status", "left"), ("error %", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    table.add_column("folder or reason", overflow="fold")
    for one in outcomes:
        error = "" if one.error_percent is None else f"{one.error_percent:.1f}"
        said = (one.folder, one.reason, one.guessed) if one.status == Status.DONE else (one.reason,)
        where = ", ".join(filter(None, said))
        style = "red" if one.status == Status.REJECTED else ""
        table.add_row(Text(one.name), Text(one.status, style), error, Text(where))
    return table


def _count(outcomes: Sequence[Outcome], status: Status) -> int:
    return sum(one.status == status for one in outcomes)
