"""Functions of numbers, which are doubles."""

import math
import random

from local.cosmos.query.functions.signature import Function, is_number, on_numbers
from local.cosmos.values import UNDEFINED, Json


def _round(value: float) -> float:
    """Half away from zero."""
    whole = math.trunc(value)
    return whole + math.copysign(1, value) if abs(value - whole) >= 0.5 else whole


def _sign(value: float) -> float:
    return (value > 0) - (value < 0)


def _number_bin(value: Json, size: Json = 1) -> Json:
    """The multiple of a size that is not above the value."""
    if not (is_number(value) and is_number(size)) or size == 0:
        return UNDEFINED
    return on_numbers(lambda: math.floor(value / size) * size)()


NUMBERS: dict[str, Function] = {
    "ABS": Function(on_numbers(abs), 1, 1),
    "ACOS": Function(on_numbers(math.acos), 1, 1),
    "ASIN": Function(on_numbers(math.asin), 1, 1),
    "ATAN": Function(on_numbers(math.atan), 1, 1),
    "ATN2": Function(on_numbers(math.atan2), 2, 2),
    "CEILING": Function(on_numbers(math.ceil), 1, 1),
    "COS": Function(on_numbers(math.cos), 1, 1),
    "COT": Function(on_numbers(lambda angle: 1 / math.tan(angle)), 1, 1),
    "DEGREES": Function(on_numbers(lambda radians: 180 / math.pi * radians), 1, 1),
    "EXP": Function(on_numbers(math.exp), 1, 1),
    "FLOOR": Function(on_numbers(math.floor), 1, 1),
    "LOG": Function(on_numbers(math.log), 1, 2),
    "LOG10": Function(on_numbers(math.log10), 1, 1),
    "NUMBERBIN": Function(_number_bin, 1, 2),
    "PI": Function(on_numbers(lambda: math.pi), 0, 0),
    "POWER": Function(on_numbers(math.pow), 2, 2),
    "RADIANS": Function(on_numbers(lambda degrees: math.pi * degrees / 180), 1, 1),
    "RAND": Function(on_numbers(lambda: random.random()), 0, 0),  # noqa: S311  # as random as RAND is
    "ROUND": Function(on_numbers(_round), 1, 1),
    "SIGN": Function(on_numbers(_sign), 1, 1),
    "SIN": Function(on_numbers(math.sin), 1, 1),
    "SQRT": Function(on_numbers(math.sqrt), 1, 1),
    "SQUARE": Function(on_numbers(lambda value: value * value), 1, 1),
    "TAN": Function(on_numbers(math.tan), 1, 1),
    "TRUNC": Function(on_numbers(math.trunc), 1, 1),
}
