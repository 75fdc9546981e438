"""An interrupt is heard where a value is taken, and nowhere else in the block."""

import signal
import threading

import pytest

from tasks.arrivals import Arrivals

FAULT = "a build that is stopped ends at once and quietly"


def test_values_of_threads_come_in_their_order() -> None:
    arrivals = Arrivals[int]()
    with arrivals:
        for number in range(3):
            thread = threading.Thread(target=arrivals.put, args=(number,))
            thread.start()
            thread.join()
        assert [arrivals.take() for _ in range(3)] == [0, 1, 2]


@pytest.mark.fault(FAULT)
def test_an_interrupt_waits_for_the_next_value_that_is_taken() -> None:
    with Arrivals[int]() as arrivals:
        arrivals.put(1)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            arrivals.take()


@pytest.mark.fault(FAULT)
def test_an_interrupt_that_the_main_thread_slept_through_ends_its_wait() -> None:
    thread = threading.Timer(0.1, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT))
    with Arrivals[int]() as arrivals:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            arrivals.take()
    thread.join()


@pytest.mark.fault(FAULT)
def test_an_interrupt_that_nothing_is_taken_after_is_raised_at_the_end() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Arrivals[int]():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_process_that_ignores_interrupts_goes_on_to_do_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Arrivals[int]() as arrivals:
            arrivals.put(1)
            signal.raise_signal(signal.SIGINT)
            assert arrivals.take() == 1
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_than_the_main_one_take_values_too() -> None:
    arrivals, taken = Arrivals[int](), []

    def take() -> None:
        with arrivals:
            taken.append(arrivals.take())

    thread = threading.Thread(target=take)
    thread.start()
    arrivals.put(1)
    thread.join(timeout=10)
    assert taken == [1]
