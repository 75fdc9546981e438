"""Progress of a training on the console, and its check that no code was edited while it loaded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headwater.artifacts.modules import refuse_edited
from headwater.training.run import Progress
from tasks.console import progress

Record = dict[str, float]


@contextmanager
def training_progress(name: str, steps: int, note: Callable[[Record], str]) -> Iterator[Progress]:
    """The progress of a training of ``steps`` steps; note: shown of each record of its curve.

    All code of a training is loaded at its first record. Raises HeadwaterError where some was
    edited before; later edits do not concern it.
    """
    with progress(name, steps) as advance:
        reached = 0

        def show(step: int, _steps: int, record: Record) -> None:
            nonlocal reached
            if not reached:
                refuse_edited()
            advance(step - reached, note(record))
            reached = step

        yield show
        if not reached:
            refuse_edited()
