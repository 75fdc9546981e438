"""Code of a system or challenge at work on one question: its result, or the reason for none."""

import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from headwater.errors import HeadwaterError, StepFault
from headwater.evaluation.challenge import Unanswered

UNEXPECTED: Final = "unexpected "
MOST_LETTERS: Final = 200

Result = TypeVar("Result")


def attempted(work: Callable[[], Result]) -> tuple[Result, None] | tuple[None, str]:
    """The result of ``work``, or why there is none, in one line.

    A reason begins with ``UNEXPECTED`` unless the work raised Unanswered; the traceback goes to
    standard error. Raises HeadwaterError where the work does.
    """
    try:
        with alone():
            return work(), None
    except Unanswered as reason:
        return None, plain(reason) or "no answer"
    except HeadwaterError:
        raise
    except BaseException as error:  # noqa: BLE001 (any fault of code from outside)
        _pass_on_ends(error)
        traceback.print_exc()
        return None, UNEXPECTED + in_one_line(error)


@contextmanager
def blaming(who: str) -> Iterator[None]:
    """Raise StepFault, which begins with ``who``, for a fault of the code inside.

    The traceback goes to standard error. What a user can mend passes as it is.
    """
    try:
        with alone():
            yield
    except (HeadwaterError, OSError):
        raise
    except BaseException as error:
        _pass_on_ends(error)
        traceback.print_exc()
        raise StepFault(f"{who}: {UNEXPECTED}{in_one_line(error)}; mend its code") from error


@contextmanager
def alone() -> Iterator[None]:
    """End a process that the code inside has forked off once it leaves that code.

    It would go on with this one's work beside it: write the same files, and answer in its place.
    """
    process = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)


def in_one_line(error: BaseException) -> str:
    """The kind and the text of an error, of bounded length, the same in every process."""
    text = re.sub(r"\b0x[0-9a-fA-F]+", "0x", plain(error))
    return f"{type(error).__name__}: {text}"[:MOST_LETTERS].rstrip(" :")


def plain(error: BaseException) -> str:
    """The text of an error in one line that every file can hold; "" where it cannot say it."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 (code from outside)
        return ""
    text = " ".join(text[:MOST_LETTERS].encode(errors="backslashreplace").decode().split())
    return text[:MOST_LETTERS]


def _pass_on_ends(error: BaseException) -> None:
    """Raise what ends the work itself: an interrupt, and the close of a generator.

    A system that leaves the process would leave a stage that seems to have ended well.
    """
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        raise error
