"""What an expression is worth for a document, with three-valued logic over undefined."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from local.cosmos.query.functions import FUNCTIONS
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
from local.cosmos.values import UNDEFINED, Json, equal, less, same, type_rank


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the names in a query stand for. aggregates: their results, once all documents have been read."""

    parameters: Mapping[str, Json]
    document: Json = UNDEFINED
    aggregates: Mapping[Call, Json] | None = None


def evaluate(expression: Expression, bindings: Bindings) -> Json:
    """The value, or UNDEFINED. Raises QueryError for a parameter without a value."""
    match expression:
        case Constant(value):
            return value
        case Parameter(name):
            if name not in bindings.parameters:
                raise QueryError(f"The parameter {name} has no value.")
            return bindings.parameters[name]
        case Root():
            return bindings.document
        case Member(of, name):
            return _member(evaluate(of, bindings), evaluate(name, bindings))
        case Operation(operator, operands):
            return _operation(operator, operands, bindings)
        case Call(name, arguments) if name in AGGREGATES:
            if bindings.aggregates is None:
                raise QueryError(f"{name} can only stand in the SELECT list.")
            return bindings.aggregates[expression]
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
    if isinstance(value, list) and isinstance(name, int) and not isinstance(name, bool):
        return value[name] if 0 <= name < len(value) else UNDEFINED
    return UNDEFINED


def _operation(operator: str, operands: tuple[Expression, ...], bindings: Bindings) -> Json:
    if lazy := _LAZY.get(operator):
        return lazy(operands, bindings)
    return _OPERATORS[operator](*(evaluate(operand, bindings) for operand in operands))


def _and(operands: tuple[Expression, ...], bindings: Bindings) -> Json:
    left = evaluate(operands[0], bindings)
    if left is False:
        return False
    right = evaluate(operands[1], bindings)
    if right is False:
        return False
    return True if left is True and right is True else UNDEFINED


def _or(operands: tuple[Expression, ...], bindings: Bindings) -> Json:
    left = evaluate(operands[0], bindings)
    if left is True:
        return True
    right = evaluate(operands[1], bindings)
    if right is True:
        return True
    return False if left is False and right is False else UNDEFINED


def _coalesce(operands: tuple[Expression, ...], bindings: Bindings) -> Json:
    left = evaluate(operands[0], bindings)
    return evaluate(operands[1], bindings) if left is UNDEFINED else left


def _choose(operands: tuple[Expression, ...], bindings: Bindings) -> Json:
    chosen = operands[1] if evaluate(operands[0], bindings) is True else operands[2]
    return evaluate(chosen, bindings)


def _not(value: Json) -> Json:
    return not value if isinstance(value, bool) else UNDEFINED


def _either(left: Json, right: Json) -> Json:
    if left is True or right is True:
        return True
    return False if left is False and right is False else UNDEFINED


def _in(value: Json, *items: Json) -> Json:
    if value is UNDEFINED:
        return UNDEFINED
    return any(item is not UNDEFINED and same(value, item) for item in items)


def _between(value: Json, low: Json, high: Json) -> Json:
    above, below = (
        _either(less(low, value), equal(low, value)),
        _either(less(value, high), equal(value, high)),
    )
    comparable = type_rank(low) == type_rank(value) == type_rank(high)
    return above is True and below is True if comparable else UNDEFINED


def _at_most(left: Json, right: Json) -> Json:
    strictly = less(left, right)
    return UNDEFINED if strictly is UNDEFINED else bool(strictly or same(left, right))


def _like(value: Json, pattern: Json, escape: Json) -> Json:
    if not (isinstance(value, str) and isinstance(pattern, str)):
        return UNDEFINED
    return _pattern(pattern, escape).fullmatch(value) is not None


@lru_cache(maxsize=256)
def _pattern(pattern: str, escape: str | None) -> re.Pattern[str]:
    """`%` any text, `_` one character, `[a-c]` and `[^a-c]` one of a set."""
    parts, position = [], 0
    token = re.compile(r"\[\^?[^\]]+\]|.", re.DOTALL)
    while found := token.match(pattern, position):
        text, position = found.group(), found.end()
        if escape and pattern[found.start()] == escape and found.start() + 1 < len(pattern):
            parts.append(re.escape(pattern[found.start() + 1]))
            position = found.start() + 2
        elif len(text) > 1:
            body = text[1:-1]
            negated, body = ("^", body[1:]) if body.startswith("^") else ("", body)
            parts.append(f"[{negated}{re.escape(body).replace(chr(92) + '-', '-')}]")
        else:
            parts.append({"%": ".*", "_": "."}.get(text, re.escape(text)))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        raise QueryError(f"The LIKE pattern '{pattern}' is not valid.") from None


def _on_numbers(call: Callable[[Any, Any], Json]) -> Callable[[Json, Json], Json]:
    def checked(left: Json, right: Json) -> Json:
        numbers = type_rank(left) == type_rank(right) == type_rank(0)
        return call(left, right) if numbers else UNDEFINED

    return checked


def _divided(left: float, right: float) -> Json:
    if right == 0:
        return UNDEFINED
    exact = isinstance(left, int) and isinstance(right, int) and left % right == 0
    return left // right if exact else left / right


def _joined(left: Json, right: Json) -> Json:
    return left + right if isinstance(left, str) and isinstance(right, str) else UNDEFINED


_LAZY: dict[str, Callable[[tuple[Expression, ...], Bindings], Json]] = {
    "and": _and,
    "or": _or,
    "??": _coalesce,
    "?": _choose,
}
_OPERATORS: dict[str, Callable[..., Json]] = {
    "not": _not,
    "=": equal,
    "!=": lambda left, right: _not(equal(left, right)),
    "<": less,
    ">": lambda left, right: less(right, left),
    "<=": _at_most,
    ">=": lambda left, right: _at_most(right, left),
    "in": _in,
    "between": _between,
    "like": _like,
    "||": _joined,
    "+": _on_numbers(lambda left, right: left + right),
    "-": _on_numbers(lambda left, right: left - right),
    "*": _on_numbers(lambda left, right: left * right),
    "/": _on_numbers(_divided),
    "%": _on_numbers(lambda left, right: math.fmod(left, right) if right else UNDEFINED),
    "unary -": lambda value: -value if type_rank(value) == type_rank(0) else UNDEFINED,
    "unary +": lambda value: value if type_rank(value) == type_rank(0) else UNDEFINED,
}
