"""What the operators make of values, with three-valued logic over undefined."""

import math
import operator
from collections.abc import Callable

from local.cosmos.query.like import like
from local.cosmos.query.syntax import Expression, QueryError
from local.cosmos.values import UNDEFINED, Json, at_most, equal, less, plain, same, type_rank

_Evaluation = Callable[[Expression], Json]
_NUMBER = type_rank(0)


def member(value: Json, name: Json) -> Json:
    """`value.name`, `value[0]`."""
    if isinstance(value, dict) and isinstance(name, str):
        return value.get(name, UNDEFINED)
    if isinstance(value, list) and type_rank(name) == _NUMBER:
        if name < 0 or name % 1 != 0:
            raise QueryError("The index of an array is a whole number that is not negative.")
        return value[int(name)] if name < len(value) else UNDEFINED
    return UNDEFINED


def as_int32(number: float) -> int:
    """The operand of a bitwise operator: cut to 32 bits with a sign, as in JavaScript."""
    bits = int(number) & 0xFFFF_FFFF
    return bits - 2**32 if bits >> 31 else bits


def _not(value: Json) -> Json:
    return not value if isinstance(value, bool) else UNDEFINED


def _in(value: Json, *items: Json) -> Json:
    if value is UNDEFINED:
        return UNDEFINED
    return any(item is not UNDEFINED and same(value, item) for item in items)


def _between(value: Json, low: Json, high: Json) -> Json:
    above, below = at_most(low, value), at_most(value, high)
    if above is False or below is False:
        return False
    return True if above is True and below is True else UNDEFINED


def _on_numbers(call: Callable[..., float]) -> Callable[..., Json]:
    """Arithmetic on doubles. JSON has no infinity: refused, for what the service gives is not documented."""

    def checked(*operands: Json) -> Json:
        if any(type_rank(operand) != _NUMBER for operand in operands):
            return UNDEFINED
        try:
            result = call(*map(float, operands))
        except (ArithmeticError, ValueError):
            result = math.inf
        if not math.isfinite(result):
            raise QueryError("Arithmetic without a finite result is not supported by this engine.")
        return plain(result)

    return checked


def _bitwise(call: Callable[..., int]) -> Callable[..., Json]:
    return _on_numbers(lambda *operands: float(as_int32(call(*map(as_int32, operands)))))


def _joined(*texts: Json) -> Json:
    return "".join(texts) if all(isinstance(text, str) for text in texts) else UNDEFINED


OPERATORS: dict[str, Callable[..., Json]] = {
    "not": _not,
    "=": equal,
    "!=": lambda left, right: _not(equal(left, right)),
    "<": less,
    ">": lambda left, right: less(right, left),
    "<=": at_most,
    ">=": lambda left, right: at_most(right, left),
    "in": _in,
    "between": _between,
    "like": like,
    "||": _joined,
    "+": _on_numbers(operator.add),
    "-": _on_numbers(operator.sub),
    "*": _on_numbers(operator.mul),
    "/": _on_numbers(operator.truediv),
    "%": _on_numbers(math.fmod),
    "unary -": _on_numbers(operator.neg),
    "unary +": _on_numbers(operator.pos),
    "&": _bitwise(operator.and_),
    "|": _bitwise(operator.or_),
    "^": _bitwise(operator.xor),
    "~": _bitwise(operator.invert),
    "<<": _bitwise(lambda number, places: number << (places & 31)),
    ">>": _bitwise(lambda number, places: number >> (places & 31)),
    ">>>": _on_numbers(
        lambda number, places: float((as_int32(number) & 0xFFFF_FFFF) >> (as_int32(places) & 31))
    ),
}
"""By their text, of the values of all operands."""


def _until(deciding: bool) -> Callable[..., Json]:
    """AND is decided by the first false, OR by the first true; what isn't a boolean leaves it undefined."""

    def decide(value_of: _Evaluation, *operands: Expression) -> Json:
        result: Json = not deciding
        for operand in operands:
            value = value_of(operand)
            if value is deciding:
                return deciding
            if value is not (not deciding):
                result = UNDEFINED
        return result

    return decide


def _coalesce(value_of: _Evaluation, left: Expression, right: Expression) -> Json:
    value = value_of(left)
    return value_of(right) if value is UNDEFINED else value


def _choose(value_of: _Evaluation, test: Expression, chosen: Expression, other: Expression) -> Json:
    return value_of(chosen if value_of(test) is True else other)


LAZY_OPERATORS: dict[str, Callable[..., Json]] = {
    "and": _until(False),
    "or": _until(True),
    "??": _coalesce,
    "?": _choose,
}
"""By their text; they are given how to evaluate an operand, and do so only as far as they need to."""
