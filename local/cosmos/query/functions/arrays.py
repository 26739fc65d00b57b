"""Functions of arrays and objects."""

import sys

from local.cosmos.query.functions.signature import ANY_NUMBER, Function, is_whole
from local.cosmos.values import UNDEFINED, Json, encode, same


def _contains(array: Json, sought: Json, partial: Json = False) -> Json:
    """partial: an object that has more than the one sought counts too."""
    if not isinstance(array, list) or sought is UNDEFINED or not isinstance(partial, bool):
        return UNDEFINED
    return any(same(item, sought) or (partial and _part_of(sought, item)) for item in array)


def _part_of(part: Json, whole: Json) -> bool:
    if not (isinstance(part, dict) and isinstance(whole, dict)):
        return False
    return all(name in whole and same(value, whole[name]) for name, value in part.items())


def _contains_any(array: Json, *sought: Json) -> Json:
    found = [_contains(array, one) for one in sought]
    return True if True in found else UNDEFINED if UNDEFINED in found else False


def _contains_all(array: Json, *sought: Json) -> Json:
    found = [_contains(array, one) for one in sought]
    return False if False in found else UNDEFINED if UNDEFINED in found else True


def _slice(array: Json, start: Json, length: Json = sys.maxsize) -> Json:
    if not (isinstance(array, list) and is_whole(start) and is_whole(length)):
        return UNDEFINED
    first = int(start) if start >= 0 else max(len(array) + int(start), 0)
    return array[first : first + max(int(length), 0)]


def _concat(*arrays: Json) -> Json:
    if not all(isinstance(array, list) for array in arrays):
        return UNDEFINED
    return [item for array in arrays for item in array]


def _union(left: Json, right: Json) -> Json:
    both = _concat(left, right)
    return UNDEFINED if both is UNDEFINED else _without_duplicates(both)


def _intersection(left: Json, right: Json) -> Json:
    """In the order of the second array, as in the service."""
    if not (isinstance(left, list) and isinstance(right, list)):
        return UNDEFINED
    present = {encode(item) for item in left}
    return _without_duplicates([item for item in right if encode(item) in present])


def _without_duplicates(items: list[Json]) -> list[Json]:
    found: dict[bytes, Json] = {}
    for item in items:
        found.setdefault(encode(item), item)
    return list(found.values())


def _choose(number: Json, *values: Json) -> Json:
    """The first has the number 1."""
    return values[int(number) - 1] if is_whole(number) and 0 < number <= len(values) else UNDEFINED


def _object_to_array(value: Json, key: Json = "k", content: Json = "v") -> Json:
    if not (isinstance(value, dict) and isinstance(key, str) and isinstance(content, str)):
        return UNDEFINED
    return [{key: name, content: item} for name, item in value.items()]


ARRAYS: dict[str, Function] = {
    "ARRAY_CONCAT": Function(_concat, 2, ANY_NUMBER),
    "ARRAY_CONTAINS": Function(_contains, 2, 3),
    "ARRAY_CONTAINS_ALL": Function(_contains_all, 2, ANY_NUMBER),
    "ARRAY_CONTAINS_ANY": Function(_contains_any, 2, ANY_NUMBER),
    "ARRAY_LENGTH": Function(lambda array: len(array) if isinstance(array, list) else UNDEFINED, 1, 1),
    "ARRAY_SLICE": Function(_slice, 2, 3),
    "CHOOSE": Function(_choose, 2, ANY_NUMBER),
    "IIF": Function(lambda test, chosen, other: chosen if test is True else other, 3, 3),
    "OBJECTTOARRAY": Function(_object_to_array, 1, 3),
    "SETINTERSECT": Function(_intersection, 2, 2),
    "SETUNION": Function(_union, 2, 2),
}
