"""Progress and closing lines of the command."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from headwater.photos.folder import printable
from headwater.reconstruct.files import PAGE
from headwater.reconstruct.run import Tell
from headwater.reconstruct.summary import Outcome, Status, counts, summary_table


@contextmanager
def telling(console: Console, out: Path, total: int) -> Iterator[Tell]:
    """A function that prints a line for every photo; a terminal shows the progress below."""
    columns = (
        TextColumn("reconstruct"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
    )
    hidden = not console.is_terminal or total < 2
    with Progress(*columns, console=console, transient=True, disable=hidden) as bars:
        task = bars.add_task("", total=total)

        def tell(outcome: Outcome, seconds: float) -> None:
            bars.console.print(_line(outcome, out, seconds), soft_wrap=True)
            bars.update(task, advance=1)

        yield tell


def report(console: Console, outcomes: Sequence[Outcome], summary: Path) -> None:
    """The table of a run with more than one photo, the totals, and the file ``summary``."""
    if len(outcomes) > 1:
        console.print()
        console.print(summary_table(outcomes))
        console.print()
    text = f"{counts(outcomes)}; {printable(str(summary))}"
    console.print(Text(text), soft_wrap=True)


def _line(outcome: Outcome, out: Path, seconds: float) -> Text:
    if outcome.status == Status.DONE:
        page = printable(str(out / outcome.folder / PAGE))
        error = outcome.error_percent
        said = f"landmark error {error:.1f} % of the eye distance, " if error else ""
        note = "".join(f": {one}" for one in (outcome.reason, outcome.message) if one)
        return Text(f"{outcome.name}: {said}{seconds:.1f} s, {page}{note}")
    style = "red" if outcome.status == Status.REJECTED else ""
    return Text(f"{outcome.name}: {outcome.reason}: {outcome.message}", style)
