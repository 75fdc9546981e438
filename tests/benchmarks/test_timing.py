"""The harness computes rates and ratios rightly; nothing here is timed."""

import itertools

import pytest

from benchmarks.timing import Spread, digits, ratio, take_turns


class Clock:
    """A clock that contestants move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_contestants_take_turns_after_an_unmeasured_pass() -> None:
    clock, calls = Clock(), []
    slow_first_pass = itertools.chain([100.0], itertools.cycle([2.0]))

    def fast() -> int:
        calls.append("fast")
        clock.now += 0.5
        return 10

    def slow() -> int:
        calls.append("slow")
        clock.now += next(slow_first_pass)
        return 10

    rates = take_turns({"fast": fast, "slow": slow}, 3, clock)
    assert calls == ["fast", "slow", "fast", "slow", "slow", "fast", "fast", "slow"]
    assert rates["fast"].values == (20.0, 20.0, 20.0)
    assert rates["slow"].values == (5.0, 5.0, 5.0)
    assert ratio(rates["fast"], rates["slow"]).values == (4.0, 4.0, 4.0)


def test_ratios_are_taken_round_by_round() -> None:
    # The second round ran on a machine half as fast, for both.
    ours, theirs = Spread((8.0, 4.0, 8.0)), Spread((10.0, 5.0, 8.0))
    assert ratio(ours, theirs).values == pytest.approx((0.8, 0.8, 1.0))
    assert ratio(ours, theirs).median == pytest.approx(0.8)
    with pytest.raises(ValueError, match="shorter"):
        ratio(ours, Spread((1.0,)))


def test_json_of_a_spread() -> None:
    assert Spread((3.00004, 1.0, 2.0)).as_json() == {
        "median": 2.0,
        "low": 1.0,
        "high": 3.0,
        "values": [3.0, 1.0, 2.0],
    }
    assert digits(123456.0) == 123500.0
    assert digits(0.00123456, 2) == 0.0012
