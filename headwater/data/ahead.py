"""Results of functions in their order, computed by threads a little ahead of whoever takes them."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
# One that it computes, and one that waits for it.
_PER_THREAD = 2


def computed_ahead(functions: Iterator[Callable[[], T]], threads: int) -> Iterator[T]:
    """Results of the functions in their order, or what one raises.

    At most two for each thread are called before their results are taken; without threads none is.
    """
    if not threads:
        yield from (function() for function in functions)
        return
    with ThreadPoolExecutor(threads) as pool:
        due = deque(map(pool.submit, islice(functions, _PER_THREAD * threads)))
        while due:
            result = due.popleft().result()
            due.extend(map(pool.submit, islice(functions, 1)))
            yield result
