"""Functions and objects that are made where they are asked for, outside of the tests' package."""

from collections.abc import Callable


def made() -> Callable[[], int]:
    """A function that no module has at its top."""

    def inner() -> int:
        return 1

    return inner


class Called:
    """An object that is called like a function."""

    def __call__(self) -> int:
        return 1

    def method(self) -> int:
        """A method of the object."""
        return 2
