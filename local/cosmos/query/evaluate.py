"""What an expression is worth for a document, with three-valued logic over undefined."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.cosmos.query.functions import FUNCTIONS
from local.cosmos.query.like import like
from local.cosmos.query.syntax import (
    AGGREGATES,
    Array,
    Call,
    Constant,
    Expression,
    Member,
    Object,
    Operation,
    Parameter,
    QueryError,
    Root,
)
from local.cosmos.values import UNDEFINED, Json, at_most, equal, less, plain, same, type_rank


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the names in a query stand for. aggregates: results by the call's id()."""

    parameters: Mapping[str, Json]
    document: Json = UNDEFINED
    aggregates: Mapping[int, Json] | None = None


def evaluate(expression: Expression, bindings: Bindings) -> Json:
    """The value, or UNDEFINED. Raises QueryError where the service's answer is not known."""
    match expression:
        case Constant(value):
            return value
        case Parameter(name):
            return bindings.parameters[name]
        case Root():
            return bindings.document
        case Member(of, name):
            return _member(evaluate(of, bindings), evaluate(name, bindings))
        case Operation(name, operands):
            return _operation(name, operands, bindings)
        case Call(name, arguments) if name in AGGREGATES:
            return (bindings.aggregates or {})[id(expression)]
        case Call(name, arguments):
            return FUNCTIONS[name].call(*(evaluate(one, bindings) for one in arguments))
        case Object(fields):
            values = ((name, evaluate(value, bindings)) for name, value in fields)
            return {name: value for name, value in values if value is not UNDEFINED}
        case Array(items):
            found = [evaluate(item, bindings) for item in items]
            return [value for value in found if value is not UNDEFINED]
    raise QueryError(f"{type(expression).__name__} is not supported by this engine.")


def _member(value: Json, name: Json) -> Json:
    if isinstance(value, dict) and isinstance(name, str):
        return value.get(name, UNDEFINED)
    if isinstance(value, list) and type_rank(name) == type_rank(0):
        if name < 0 or name % 1 != 0:
            raise QueryError("The index of an array is a whole number that is not negative.")
        return value[int(name)] if name < len(value) else UNDEFINED
    return UNDEFINED


def _operation(name: str, operands: tuple[Expression, ...], bindings: Bindings) -> Json:
    if lazy := _LAZY.get(name):
        return lazy(operands, bindings)
    return _OPERATORS[name](*(evaluate(operand, bindings) for operand in operands))


def _until(deciding: bool) -> Callable[[tuple[Expression, ...], Bindings], Json]:
    """AND is decided by the first false, OR by the first true; what isn't a boolean leaves it undefined."""

    def decide(operands: tuple[Expression, ...], bindings: Bindings) -> Json:
        result: Json = not deciding
        for operand in operands:
            value = evaluate(operand, bindings)
            if value is deciding:
                return deciding
            if value is not (not deciding):
                result = UNDEFINED
        return result

    return decide


def _coalesce(operands: tuple[Expression, ...], bindings: Bindings) -> Json:
    left = evaluate(operands[0], bindings)
    return evaluate(operands[1], bindings) if left is UNDEFINED else left


def _choose(operands: tuple[Expression, ...], bindings: Bindings) -> Json:
    chosen = operands[1] if evaluate(operands[0], bindings) is True else operands[2]
    return evaluate(chosen, bindings)


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
        if any(type_rank(operand) != type_rank(0) for operand in operands):
            return UNDEFINED
        try:
            result = call(*map(float, operands))
        except (ArithmeticError, ValueError):
            result = math.inf
        if not math.isfinite(result):
            raise QueryError("Arithmetic without a finite result is not supported by this engine.")
        return plain(result)

    return checked


def _joined(*texts: Json) -> Json:
    return "".join(texts) if all(isinstance(text, str) for text in texts) else UNDEFINED


_LAZY: dict[str, Callable[[tuple[Expression, ...], Bindings], Json]] = {
    "and": _until(False),
    "or": _until(True),
    "??": _coalesce,
    "?": _choose,
}
_OPERATORS: dict[str, Callable[..., Json]] = {
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
}
