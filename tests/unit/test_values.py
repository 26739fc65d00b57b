"""The order of values, and the bytes that sort as they do."""

from functools import cmp_to_key
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cosmos.values import (
    AFTER,
    UNDEFINED,
    at_most,
    encode,
    encode_prefix,
    equal,
    less,
    plain,
    same,
    type_range,
    type_rank,
)

NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(alphabet=st.characters(codec=None)))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
ANY = st.one_of(st.just(UNDEFINED), VALUES)

# From the least to the greatest.
LADDER: list[Any] = [
    UNDEFINED, None, False, True, float("-inf"), -(10**400), -1.5, -1, -0.5, 0, 5e-324, 1, 1.5, 2**53, 10**30,
    "", "\x00", "\x00\x00", "\x00a", "A", "a", "a\x00", "a\x00b", "aa", "b", "é", "\U0001f600",
    [], [None], [False], [1], [1, 1], [2], ["a"], [[]], [[1]], [{}],
    {}, {"a": 1}, {"a": 1, "b": 0}, {"a": 2}, {"b": 0},
]  # fmt: skip


def in_order(left: Any, right: Any) -> int:
    """The order of values, written down a second time and without bytes."""
    ranks = type_rank(left), type_rank(right)
    if ranks[0] != ranks[1]:
        return -1 if ranks[0] < ranks[1] else 1
    if isinstance(left, dict):
        left, right = ([part for name in sorted(one) for part in (name, one[name])] for one in (left, right))
    if isinstance(left, list):
        inner = (in_order(one, other) for one, other in zip(left, right, strict=False))
        return next((found for found in inner if found), len(left) - len(right))
    if same(left, right):
        return 0
    return -1 if less(left, right) is True else 1


def test_the_bytes_of_a_ladder_of_values_climb() -> None:
    keys = [encode(value) for value in LADDER]
    assert all(low <= high for low, high in pairwise(keys))
    assert len(set(keys)) >= len(keys) - 1, "only the two that are beyond a double may be equal"


@given(ANY, ANY)
def test_bytes_sort_as_the_values_do(left: Any, right: Any) -> None:
    order = in_order(left, right)
    low, high = encode(left), encode(right)
    assert (low < high, low == high, low > high) == (order < 0, order == 0, order > 0)


@given(ANY, ANY)
def test_descending_bytes_sort_the_other_way(left: Any, right: Any) -> None:
    low, high = encode(left, descending=True), encode(right, descending=True)
    assert (low < high, low == high) == (encode(left) > encode(right), encode(left) == encode(right))


@given(st.lists(st.tuples(ANY, ANY), min_size=2, max_size=5), st.booleans(), st.booleans())
def test_joined_bytes_sort_as_the_pairs_do(pairs: list[tuple[Any, Any]], first: bool, second: bool) -> None:
    def compared(left: tuple[Any, Any], right: tuple[Any, Any]) -> int:
        outer, inner = in_order(left[0], right[0]), in_order(left[1], right[1])
        return (-outer if first else outer) or (-inner if second else inner)

    def key(pair: tuple[Any, Any]) -> bytes:
        return encode(pair[0], descending=first) + encode(pair[1], descending=second)

    assert [key(pair) for pair in sorted(pairs, key=cmp_to_key(compared))] == sorted(map(key, pairs))


@given(ANY, ANY, st.booleans())
def test_no_encoding_is_the_beginning_of_another(left: Any, right: Any, descending: bool) -> None:
    one, other = encode(left, descending=descending), encode(right, descending=descending)
    assert one == other or not other.startswith(one)


@given(ANY, ANY)
def test_whatever_follows_a_key_lies_before_its_after(value: Any, following: Any) -> None:
    for down in (False, True):
        assert encode(value) + encode(following, descending=down) < encode(value) + AFTER


@given(st.text(), st.text())
def test_the_strings_of_a_prefix_are_those_between_its_bounds(text: str, prefix: str) -> None:
    low = encode_prefix(prefix)
    assert (low <= encode(text) < low + AFTER) == text.startswith(prefix)


@given(SCALARS, SCALARS)
def test_what_less_compares_lies_in_the_range_of_the_type(left: Any, right: Any) -> None:
    low, high = type_range(left)
    assert (low <= encode(right) < high) == (less(left, right) is not UNDEFINED)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 1.0, True), (0, -0.0, True), (1, True, False), (0, False, False), (1, "1", False),
        (None, None, True), (None, UNDEFINED, UNDEFINED), (UNDEFINED, UNDEFINED, UNDEFINED), (None, 0, False),
        ([1, [2]], [1.0, [2]], True), ([1], [True], False), ([1], [1, 2], False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), ({"a": 1}, {"b": 1}, False),
        (2**53, 2**53 + 1, True), ("a", "A", False),
    ],
)  # fmt: skip
def test_equality_is_strict_and_deep(left: Any, right: Any, expected: Any) -> None:
    assert equal(left, right) is expected
    assert equal(right, left) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 2, True), (2, 1, False), (1, 1, False), (1, "2", UNDEFINED), (None, 1, UNDEFINED),
        (None, None, False), (False, True, True), (True, False, False), (False, 1, UNDEFINED),
        ("a", "b", True), ([1], [2], UNDEFINED), ({}, {"a": 1}, UNDEFINED), (UNDEFINED, 1, UNDEFINED),
        (2**53, 2**53 + 1, False),
    ],
)  # fmt: skip
def test_less_compares_scalars_of_one_type_only(left: Any, right: Any, expected: Any) -> None:
    assert less(left, right) is expected


@given(ANY, ANY)
def test_at_most_is_less_or_the_same(left: Any, right: Any) -> None:
    strictly = less(left, right)
    assert at_most(left, right) is (UNDEFINED if strictly is UNDEFINED else strictly or same(left, right))


@pytest.mark.parametrize(("number", "text"), [(2.0, "2"), (-0.0, "0"), (1.5, "1.5"), (1e300, "1e+300")])
def test_whole_numbers_are_written_without_a_point(number: float, text: str) -> None:
    assert str(plain(number)) == text


def test_zero_has_one_key() -> None:
    assert encode(-0.0) == encode(0)


def test_undefined_is_false_and_has_a_name() -> None:
    assert not UNDEFINED
    assert repr(UNDEFINED) == "UNDEFINED"
