"""Identifiers, buckets, splits and seeds follow from content alone."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.artifacts.ids import bucket_of, canonical_json, item_id, seed_of, split_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert item_id(value) == item_id(turned)
    assert canonical_json(value) == canonical_json(turned)


@given(st.lists(JSON, max_size=3), st.lists(JSON, max_size=3))
def test_different_parts_have_different_ids(one: list[object], other: list[object]) -> None:
    assert (item_id(*one) == item_id(*other)) == (canonical_json(one) == canonical_json(other))


def test_known_values_never_change() -> None:
    # A change here renames every item of every dataset ever built.
    assert item_id("head", 7) == "4a9024ec0947184da94eea6e5c3b8e94"
    assert seed_of("shape", "a") == 3405538283894966639
    assert bucket_of(item_id("head", 7), 16) == 4


def test_numbers_that_are_none_have_no_id() -> None:
    with pytest.raises(ValueError, match="JSON"):
        item_id(float("nan"))


@given(st.integers(0, 10**9), st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_test_share_only_adds_subjects(
    number: int, seed: int, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    if split_of(item_id(number), seed, small, 0.1) == "test":
        assert split_of(item_id(number), seed, large, 0.1) == "test"


def test_shares_are_as_asked() -> None:
    counts = Counter(split_of(item_id(n), 7, 0.22, 0.05) for n in range(4000))
    assert abs(counts["test"] / 4000 - 0.22) < 0.03
    assert abs(counts["validation"] / 4000 - 0.05) < 0.02
