"""What the functions have in common: how many arguments they take, and of what types."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from local.cosmos.query.syntax import QueryError
from local.cosmos.values import UNDEFINED, Json, plain

ANY_NUMBER = 1_000
"""Of arguments, at most."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function and how many arguments it takes. takes_time: the seconds since 1970 come before them."""

    call: Callable[..., Json]
    least: int
    most: int
    takes_time: bool = False


def is_number(value: Json) -> bool:
    """Whether it is a number; true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Json) -> bool:
    """Whether it is a whole number, also one written 2.0."""
    return is_number(value) and value % 1 == 0


def on_strings(call: Callable[..., Json]) -> Callable[..., Json]:
    """Undefined unless all arguments are strings."""

    def checked(*arguments: Json) -> Json:
        return call(*arguments) if all(isinstance(one, str) for one in arguments) else UNDEFINED

    return checked


def on_numbers(call: Callable[..., float]) -> Callable[..., Json]:
    """Undefined unless all arguments are numbers. Refused where the result is infinite or none."""

    def checked(*arguments: Json) -> Json:
        if not all(map(is_number, arguments)):
            return UNDEFINED
        try:
            result = float(call(*map(float, arguments)))
        except (ArithmeticError, ValueError):
            result = math.inf
        if not math.isfinite(result):
            raise QueryError("A function without a finite result is not supported by this engine.")
        return plain(result)

    return checked
