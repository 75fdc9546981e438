"""Errors that users see: what was wrong, where, and what to do."""

import lzma
import struct
import zipfile
import zlib
from typing import Final

# What readers of libraries raise on damaged or hostile bytes.
READER_ERRORS: Final = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError),
    *(ArithmeticError, AssertionError, RuntimeError, MemoryError, struct.error, zlib.error),
    *(zipfile.BadZipFile, lzma.LZMAError),
)


class HeadwaterError(Exception):
    """A problem the user can mend; the message is printed without a traceback."""


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
