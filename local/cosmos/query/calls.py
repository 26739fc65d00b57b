"""Calls of functions, by the functions that there are."""

from local.cosmos.query.functions import FUNCTIONS
from local.cosmos.query.syntax import AGGREGATES, Call, Expression, QueryError

# Beginnings of functions that the service has: named in the refusal.
_UNSUPPORTED = ("FULLTEXT", "VECTORDISTANCE", "RRF", "ST_", "ARRAY_", "SET", "STRING", "DOCUMENT", "AI_")


def call_of(written: str, arguments: tuple[Expression, ...]) -> Call:
    """The call of a built-in function or an aggregate. Raises QueryError for any other, by its name."""
    name = written.upper()
    if name in AGGREGATES:
        _check_count(name, arguments, 1, 1)
    elif name in FUNCTIONS:
        _check_count(name, arguments, FUNCTIONS[name].least, FUNCTIONS[name].most)
    elif name.startswith(_UNSUPPORTED):
        raise unsupported(written)
    else:
        raise QueryError(f"'{written}' is not a recognized built-in function name.")
    return Call(name, arguments)


def unsupported(construct: str) -> QueryError:
    """The error for what the service has and this engine doesn't."""
    return QueryError(f"{construct} is not supported by this engine.")


def _check_count(name: str, arguments: tuple[Expression, ...], least: int, most: int) -> None:
    if not least <= len(arguments) <= most:
        bound = "" if least == most else "at least " if len(arguments) < least else "at most "
        count = least if len(arguments) < least else most
        raise QueryError(f"The {name} function requires {bound}{count} argument(s).")
