from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cosmos.values import UNDEFINED, encode, equal, less, same, type_rank

NUMBERS = st.integers(-(10**320), 10**320) | st.integers(-5, 5) | st.floats(allow_nan=False)
STRINGS = st.text(st.characters(codec=None, exclude_categories=()), max_size=4) | st.text("a\0b", max_size=3)
SCALARS = st.sampled_from([UNDEFINED, None, False, True]) | NUMBERS | STRINGS


def compared(left: Any, right: Any) -> int:
    if type_rank(left) != type_rank(right):
        return -1 if type_rank(left) < type_rank(right) else 1
    if same(left, right):
        return 0
    return -1 if less(left, right) else 1


def sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


@given(SCALARS, SCALARS)
def test_bytes_sort_as_values_do(left: Any, right: Any) -> None:
    assert sign(encode(left), encode(right)) == compared(left, right)


@given(SCALARS, SCALARS)
def test_descending_bytes_sort_the_other_way(left: Any, right: Any) -> None:
    assert sign(encode(left, descending=True), encode(right, descending=True)) == -compared(left, right)


@given(st.tuples(SCALARS, SCALARS), st.tuples(SCALARS, SCALARS))
def test_joined_encodings_sort_as_tuples_do(left: tuple[Any, Any], right: tuple[Any, Any]) -> None:
    first = compared(left[0], right[0]) or -compared(left[1], right[1])
    keys = [encode(one) + encode(two, descending=True) for one, two in (left, right)]
    assert sign(*keys) == first


def test_types_have_their_order() -> None:
    ordered: list[Any] = [UNDEFINED, None, False, True, -1, 2.5, "", "a", [], {}]
    keys = [encode(value) for value in ordered]
    assert keys == sorted(set(keys))


def test_a_text_ends_before_what_is_joined_to_it() -> None:
    assert encode("a") + encode("b") < encode("a\0") + encode("a") < encode("aa") + encode("")


def test_true_is_not_one_and_zero_has_no_sign() -> None:
    assert equal(True, 1) is False
    assert encode(0.0) == encode(-0.0) == encode(0)


def test_numbers_are_doubles_also_when_they_are_compared() -> None:
    assert equal(2**53, 2**53 + 1) is True
    assert less(2**53, 2**53 + 1) is False


@pytest.mark.parametrize(("left", "right"), [(1, "1"), (None, 0), ([1], [2]), ({}, {}), (UNDEFINED, 1)])
def test_what_can_not_be_ordered_gives_undefined(left: Any, right: Any) -> None:
    assert less(left, right) is UNDEFINED


def test_arrays_and_objects_are_equal_deeply() -> None:
    assert equal({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}) is True
    assert equal([1], [True]) is False
    assert equal(UNDEFINED, UNDEFINED) is UNDEFINED
