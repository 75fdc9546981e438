"""Results that threads compute a little ahead."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from headwater.data.ahead import computed_ahead


def functions(count: int, taken: list[int]) -> Iterator[Callable[[], int]]:
    """Functions that return their numbers; those that were asked for are noted."""
    for number in range(count):
        taken.append(number)
        yield partial(int, number)


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_results_come_in_order_and_a_few_ahead(threads: int, count: int) -> None:
    taken: list[int] = []
    results = []
    for number in computed_ahead(functions(count, taken), threads):
        results.append(number)
        assert len(taken) <= min(count, len(results) + 2 * threads)
    assert results == taken == list(range(count))


def test_functions_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=20)
    assert sorted(computed_ahead(iter([meeting.wait] * 3), 3)) == [0, 1, 2]


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_comes_after_the_results_before_it(threads: int) -> None:
    def fail() -> int:
        raise ValueError("row 2")

    results = computed_ahead(
        iter([partial(int, 0), partial(int, 1), fail, partial(int, 3)]), threads
    )
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="row 2"):
        next(results)


def test_no_thread_is_left_when_nobody_takes_the_rest() -> None:
    before = threading.active_count()
    results = computed_ahead(functions(50, []), 2)
    next(results)
    assert threading.active_count() > before
    results.close()
    assert threading.active_count() == before
