"""Functions of strings."""

import re
import warnings
from collections.abc import Callable
from functools import lru_cache

from local.cosmos.query.functions.signature import ANY_NUMBER, Function, is_number, is_whole, on_strings
from local.cosmos.query.syntax import QueryError
from local.cosmos.values import UNDEFINED, Json

_LONGEST_REPLICA = 10_000
_MODIFIERS = {"m": re.MULTILINE, "s": re.DOTALL, "i": re.IGNORECASE, "x": re.VERBOSE}


def _search(call: Callable[[str, str], bool]) -> Callable[..., Json]:
    """A test of two strings, with whether to ignore case as the third argument."""

    def search(text: Json, part: Json, ignore_case: Json = False) -> Json:
        if not (isinstance(text, str) and isinstance(part, str) and isinstance(ignore_case, bool)):
            return UNDEFINED
        return call(_lower(text), _lower(part)) if ignore_case else call(text, part)

    return search


def _substring(text: Json, start: Json, length: Json) -> Json:
    if not (isinstance(text, str) and is_whole(start) and is_whole(length)):
        return UNDEFINED
    return "" if start < 0 else text[int(start) : int(start) + max(int(length), 0)]


def _left(text: Json, length: Json) -> Json:
    return _substring(text, 0, length)


def _right(text: Json, length: Json) -> Json:
    if not (isinstance(text, str) and is_whole(length)):
        return UNDEFINED
    return text[max(len(text) - max(int(length), 0), 0) :]


def _index_of(text: Json, part: Json, start: Json = 0) -> Json:
    if not (isinstance(text, str) and isinstance(part, str) and is_whole(start)) or start < 0:
        return UNDEFINED
    return text.find(part, int(start))


def _replace(text: str, part: str, by: str) -> Json:
    return text.replace(part, by) if part else UNDEFINED


def _replicate(text: Json, times: Json) -> Json:
    """At most 10,000 characters, as in the service."""
    if not (isinstance(text, str) and is_number(times)) or times < 0:
        return UNDEFINED
    if len(text) * times > _LONGEST_REPLICA:
        return UNDEFINED
    return text * int(times) if text else ""


def _lower(text: str) -> str:
    """One character for one, as an invariant culture has it."""
    return "".join(low if len(low := one.lower()) == 1 else one for one in text)


def _upper(text: str) -> str:
    return "".join(up if len(up := one.upper()) == 1 else one for one in text)


def _regex_match(text: str, pattern: str, modifiers: str = "") -> Json:
    compiled = _compiled(pattern, modifiers)
    return UNDEFINED if compiled is None else compiled.search(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str, modifiers: str) -> re.Pattern[str] | None:
    """None for what is no pattern. The service's patterns are PCRE, Python's are near to them."""
    if not set(modifiers) <= _MODIFIERS.keys():
        return None
    flags = sum(_MODIFIERS[modifier] for modifier in set(modifiers))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # about sets that Python may read otherwise one day
            return re.compile(pattern, flags)
    except (re.error, OverflowError, RecursionError):
        return None


def _join(texts: Json, between: Json) -> Json:
    if not (isinstance(texts, list) and isinstance(between, str)):
        return UNDEFINED
    return between.join(texts) if all(isinstance(text, str) for text in texts) else UNDEFINED


def _split(text: str, between: str) -> Json:
    if not between:
        raise QueryError("StringSplit by an empty string is not supported by this engine.")
    return text.split(between)


STRINGS: dict[str, Function] = {
    "CONCAT": Function(on_strings(lambda *texts: "".join(texts)), 2, ANY_NUMBER),
    "CONTAINS": Function(_search(lambda text, part: part in text), 2, 3),
    "ENDSWITH": Function(_search(str.endswith), 2, 3),
    "INDEX_OF": Function(_index_of, 2, 3),
    "LEFT": Function(_left, 2, 2),
    "LENGTH": Function(on_strings(len), 1, 1),
    "LOWER": Function(on_strings(_lower), 1, 1),
    "LTRIM": Function(on_strings(str.lstrip), 1, 2),
    "REGEXMATCH": Function(on_strings(_regex_match), 2, 3),
    "REPLACE": Function(on_strings(_replace), 3, 3),
    "REPLICATE": Function(_replicate, 2, 2),
    "REVERSE": Function(on_strings(lambda text: text[::-1]), 1, 1),
    "RIGHT": Function(_right, 2, 2),
    "RTRIM": Function(on_strings(str.rstrip), 1, 2),
    "STARTSWITH": Function(_search(str.startswith), 2, 3),
    "STRINGEQUALS": Function(_search(str.__eq__), 2, 3),
    "STRINGJOIN": Function(_join, 2, 2),
    "STRINGSPLIT": Function(on_strings(_split), 2, 2),
    "SUBSTRING": Function(_substring, 3, 3),
    "TRIM": Function(on_strings(str.strip), 1, 2),
    "UPPER": Function(on_strings(_upper), 1, 1),
}
