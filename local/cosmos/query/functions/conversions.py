"""Functions between strings and other values: the strings hold JSON."""

import json
import math
from collections.abc import Callable
from typing import NoReturn

from local.cosmos.query.functions.signature import Function, is_number, on_strings
from local.cosmos.query.syntax import QueryError
from local.cosmos.values import UNDEFINED, Json, plain


def _parsed(wanted: Callable[[Json], bool]) -> Callable[..., Json]:
    """The value that a string holds, with spaces around it; undefined where it is of another type."""

    def parse(text: str) -> Json:
        try:
            value = json.loads(text, parse_float=_finite, parse_int=_finite, parse_constant=_refused)
        except (ValueError, RecursionError):
            return UNDEFINED
        return value if wanted(value) else UNDEFINED

    return on_strings(parse)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return plain(number)


def _refused(name: str) -> NoReturn:
    raise ValueError(name)


def _to_string(value: Json) -> Json:
    return value if isinstance(value, str) or value is UNDEFINED else _as_text(value)


def _as_text(value: Json) -> str:
    """JSON without spaces; refused where the service's digits are not known."""
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(
                f"{json.dumps(name, ensure_ascii=False)}:{_as_text(item)}" for name, item in value.items()
            )
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(_as_text, value)) + "]"
    if not is_number(value):
        return json.dumps(value, ensure_ascii=False)
    if value != 0 and not 1e-4 <= abs(value) < 1e15:
        raise QueryError("ToString of so large or small a number is not supported by this engine.")
    return str(plain(float(value)))


CONVERSIONS: dict[str, Function] = {
    "STRINGTOARRAY": Function(_parsed(lambda value: isinstance(value, list)), 1, 1),
    "STRINGTOBOOLEAN": Function(_parsed(lambda value: isinstance(value, bool)), 1, 1),
    "STRINGTONULL": Function(_parsed(lambda value: value is None), 1, 1),
    "STRINGTONUMBER": Function(_parsed(is_number), 1, 1),
    "STRINGTOOBJECT": Function(_parsed(lambda value: isinstance(value, dict)), 1, 1),
    "TOSTRING": Function(_to_string, 1, 1),
}
