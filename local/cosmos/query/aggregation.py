"""The aggregates: what many values come to."""

import math
from collections.abc import Sequence

from local.cosmos.query.syntax import QueryError
from local.cosmos.values import UNDEFINED, Json, double, encode, plain


def aggregate(name: str, values: Sequence[Json]) -> Json:
    """COUNT, COUNTIF, SUM, MIN, MAX or AVG of the values that are defined."""
    defined = [value for value in values if value is not UNDEFINED]
    match name:
        case "COUNT":
            return len(defined)
        case "COUNTIF":
            return sum(value is True for value in defined)
        case "SUM" | "AVG":
            return _sum(name, defined)
    if not defined or any(isinstance(value, list | dict) for value in defined):
        return UNDEFINED
    return min(defined, key=encode) if name == "MIN" else max(defined, key=encode)


def _sum(name: str, values: Sequence[Json]) -> Json:
    """Undefined where a value is no number, and the average of none; the sum of none is 0."""
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return UNDEFINED
    if name == "AVG" and not values:
        return UNDEFINED
    total = math.fsum(map(double, values))
    if not math.isfinite(total):
        raise QueryError(f"{name} without a finite result is not supported by this engine.")
    return plain(total if name == "SUM" else total / len(values))
