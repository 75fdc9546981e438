"""Errors that users see: what was wrong, where, and what to do."""

import lzma
import struct
import zipfile
import zlib
from typing import ClassVar, Final

# Errors that readers of libraries raise on damaged or hostile bytes; UnboundLocalError is trimesh's
# for elements that a file does not have.
READER_ERRORS: Final = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError),
    *(ArithmeticError, AssertionError, RuntimeError, MemoryError, struct.error, zlib.error),
    *(zipfile.BadZipFile, lzma.LZMAError, UnboundLocalError, SystemError),
)


class HeadwaterError(Exception):
    """A problem the user can mend; the message is printed without a traceback.

    exit_status: of a command that ends with it.
    """

    exit_status: ClassVar[int] = 2


class StepFault(HeadwaterError):
    """A fault of ours in one step: the message names stage, bucket and item where known.

    details: the traceback, for logs.
    """

    exit_status = 1

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message, details)
        self.details = details

    def __str__(self) -> str:
        return str(self.args[0])


class ItemRejected(HeadwaterError):
    """One item cannot be processed; becomes a row of the step's ``rejects`` table.

    reason: stable snake_case code. message: one sentence for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type["ItemRejected"], tuple[str, str]]:
        """Travel whole from a worker process; by default only the message would."""
        return type(self), (self.reason, self.message)
