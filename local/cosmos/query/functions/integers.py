"""Functions of whole numbers of 64 bits: undefined for others, and overflow wraps around."""

import operator
from collections.abc import Callable

from local.cosmos.query.functions.signature import Function, is_whole
from local.cosmos.values import UNDEFINED, Json

_BITS = 64
_ALL = 1 << _BITS  # numbers of so many bits


def is_int64(value: Json) -> bool:
    """Whether it is a whole number of 64 bits with its sign; the largest as a double counts."""
    return is_whole(value) and bool(-(2**63) <= value <= 2**63)


def _on_integers(call: Callable[..., int]) -> Callable[..., Json]:
    def checked(*arguments: Json) -> Json:
        if not all(map(is_int64, arguments)):
            return UNDEFINED
        try:
            return _wrapped(call(*map(int, arguments)))
        except ZeroDivisionError:
            return UNDEFINED

    return checked


def _wrapped(number: int) -> int:
    bits = number & (_ALL - 1)
    return bits - _ALL if bits >= _ALL // 2 else bits


def _divide(left: int, right: int) -> int:
    """Towards zero, as in C."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


INTEGERS: dict[str, Function] = {
    "INTADD": Function(_on_integers(operator.add), 2, 2),
    "INTBITAND": Function(_on_integers(operator.and_), 2, 2),
    "INTBITLEFTSHIFT": Function(_on_integers(lambda number, places: number << (places % _BITS)), 2, 2),
    "INTBITNOT": Function(_on_integers(operator.invert), 1, 1),
    "INTBITOR": Function(_on_integers(operator.or_), 2, 2),
    "INTBITRIGHTSHIFT": Function(_on_integers(lambda number, places: number >> (places % _BITS)), 2, 2),
    "INTBITXOR": Function(_on_integers(operator.xor), 2, 2),
    "INTDIV": Function(_on_integers(_divide), 2, 2),
    "INTMOD": Function(_on_integers(lambda left, right: left - right * _divide(left, right)), 2, 2),
    "INTMUL": Function(_on_integers(operator.mul), 2, 2),
    "INTSUB": Function(_on_integers(operator.sub), 2, 2),
}
