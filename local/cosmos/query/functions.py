"""The built-in functions. Each gives undefined for arguments of a wrong type, as the service does."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

from local.cosmos.query.syntax import QueryError
from local.cosmos.values import UNDEFINED, Json, plain, same


@dataclass(frozen=True, slots=True)
class Function:
    """A function and how many arguments it takes."""

    call: Callable[..., Json]
    least: int
    most: int
    takes_time: bool = False


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _on_strings(call: Callable[..., Json]) -> Callable[..., Json]:
    def checked(*arguments: Json) -> Json:
        return call(*arguments) if all(isinstance(one, str) for one in arguments) else UNDEFINED

    return checked


def _search(call: Callable[[str, str], bool]) -> Callable[..., Json]:
    """A test of two strings, with whether to ignore case as the third argument."""

    def search(text: Json, part: Json, ignore_case: Json = False) -> Json:
        if not (isinstance(text, str) and isinstance(part, str) and isinstance(ignore_case, bool)):
            return UNDEFINED
        return call(_lower(text), _lower(part)) if ignore_case else call(text, part)

    return search


def _on_number(call: Callable[[float], float]) -> Callable[..., Json]:
    def checked(value: Json) -> Json:
        return plain(float(call(value))) if _is_number(value) else UNDEFINED

    return checked


def _is_whole(value: Json) -> bool:
    return _is_number(value) and value % 1 == 0


def _substring(text: Json, start: Json, length: Json) -> Json:
    if not (isinstance(text, str) and _is_whole(start) and _is_whole(length)):
        return UNDEFINED
    return "" if start < 0 else text[int(start) : int(start) + max(int(length), 0)]


def _left(text: Json, length: Json) -> Json:
    return _substring(text, 0, length)


def _right(text: Json, length: Json) -> Json:
    if not (isinstance(text, str) and _is_whole(length)):
        return UNDEFINED
    return text[max(len(text) - max(int(length), 0), 0) :]


def _replace(text: Json, part: Json, by: Json) -> Json:
    if not (isinstance(text, str) and isinstance(part, str) and isinstance(by, str)) or not part:
        return UNDEFINED
    return text.replace(part, by)


def _lower(text: str) -> str:
    """One character for one, as an invariant culture has it."""
    return "".join(low if len(low := one.lower()) == 1 else one for one in text)


def _upper(text: str) -> str:
    return "".join(up if len(up := one.upper()) == 1 else one for one in text)


def _to_string(value: Json) -> Json:
    """Refused where the service's digits and spaces are not known."""
    if isinstance(value, str) or value is UNDEFINED:
        return value
    if isinstance(value, list | dict):
        raise QueryError("ToString of an array or object is not supported by this engine.")
    if not _is_number(value):
        return json.dumps(value)
    if value != 0 and not 1e-4 <= abs(value) < 1e15:
        raise QueryError("ToString of so large or small a number is not supported by this engine.")
    return str(plain(float(value)))


def _array_contains(array: Json, sought: Json, partial: Json = False) -> Json:
    if not isinstance(array, list) or sought is UNDEFINED or not isinstance(partial, bool):
        return UNDEFINED
    return any(same(item, sought) or (partial and _part_of(sought, item)) for item in array)


def _part_of(part: Json, whole: Json) -> bool:
    if not (isinstance(part, dict) and isinstance(whole, dict)):
        return False
    return all(name in whole and same(value, whole[name]) for name, value in part.items())


def _array_slice(array: Json, start: Json, length: Json = sys.maxsize) -> Json:
    if not (isinstance(array, list) and _is_whole(start) and _is_whole(length)):
        return UNDEFINED
    first = int(start) if start >= 0 else max(len(array) + int(start), 0)
    return array[first : first + max(int(length), 0)]


def _array_concat(*arrays: Json) -> Json:
    if not all(isinstance(array, list) for array in arrays):
        return UNDEFINED
    return [item for array in arrays for item in array]


def _length(of: type[str] | type[list[Json]]) -> Callable[..., Json]:
    return lambda value: len(value) if isinstance(value, of) else UNDEFINED


def _round(value: float) -> float:
    """Half away from zero."""
    whole = math.trunc(value)
    return whole + math.copysign(1, value) if abs(value - whole) >= 0.5 else whole


_ANY = 1_000

FUNCTIONS: dict[str, Function] = {
    "CONTAINS": Function(_search(lambda text, part: part in text), 2, 3),
    "STARTSWITH": Function(_search(str.startswith), 2, 3),
    "ENDSWITH": Function(_search(str.endswith), 2, 3),
    "STRINGEQUALS": Function(_search(str.__eq__), 2, 3),
    "LOWER": Function(_on_strings(_lower), 1, 1),
    "UPPER": Function(_on_strings(_upper), 1, 1),
    "TRIM": Function(_on_strings(str.strip), 1, 1),
    "LTRIM": Function(_on_strings(str.lstrip), 1, 1),
    "RTRIM": Function(_on_strings(str.rstrip), 1, 1),
    "LENGTH": Function(_length(str), 1, 1),
    "CONCAT": Function(_on_strings(lambda *texts: "".join(texts)), 2, _ANY),
    "SUBSTRING": Function(_substring, 3, 3),
    "LEFT": Function(_left, 2, 2),
    "RIGHT": Function(_right, 2, 2),
    "INDEX_OF": Function(_on_strings(str.find), 2, 2),
    "REPLACE": Function(_replace, 3, 3),
    "TOSTRING": Function(_to_string, 1, 1),
    "ARRAY_CONTAINS": Function(_array_contains, 2, 3),
    "ARRAY_LENGTH": Function(_length(list), 1, 1),
    "ARRAY_SLICE": Function(_array_slice, 2, 3),
    "ARRAY_CONCAT": Function(_array_concat, 2, _ANY),
    "IS_DEFINED": Function(lambda value: value is not UNDEFINED, 1, 1),
    "IS_NULL": Function(lambda value: value is None, 1, 1),
    "IS_BOOL": Function(lambda value: isinstance(value, bool), 1, 1),
    "IS_NUMBER": Function(_is_number, 1, 1),
    "IS_STRING": Function(lambda value: isinstance(value, str), 1, 1),
    "IS_ARRAY": Function(lambda value: isinstance(value, list), 1, 1),
    "IS_OBJECT": Function(lambda value: isinstance(value, dict), 1, 1),
    "IS_PRIMITIVE": Function(
        lambda value: value is None or isinstance(value, bool | int | float | str), 1, 1
    ),
    "ABS": Function(_on_number(abs), 1, 1),
    "CEILING": Function(_on_number(math.ceil), 1, 1),
    "FLOOR": Function(_on_number(math.floor), 1, 1),
    "ROUND": Function(_on_number(_round), 1, 1),
}
