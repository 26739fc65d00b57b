"""LIKE: `%` any text, `_` one character, `[a-c]` and `[^a-c]` one of a set; refuses what isn't documented."""

import re
from functools import lru_cache

from local.cosmos.query.syntax import QueryError
from local.cosmos.values import UNDEFINED, Json

_TOKEN = re.compile(r"\[\^?[^\]]+\]|.", re.DOTALL)
_WILDCARDS = {"%": ".*", "_": "."}


def like(value: Json, pattern: Json, escape: str | None) -> Json:
    """Whether all of a string is as the pattern says; undefined for other types."""
    if not (isinstance(value, str) and isinstance(pattern, str)):
        return UNDEFINED
    return _compiled(pattern, escape).fullmatch(value) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str, escape: str | None) -> re.Pattern[str]:
    try:
        return re.compile("".join(_parts(pattern, escape)), re.DOTALL)
    except re.error:
        raise _invalid(pattern) from None


def _parts(pattern: str, escape: str | None) -> list[str]:
    parts, position = [], 0
    while position < len(pattern):
        if pattern[position] == escape:
            escaped = pattern[position + 1 : position + 2]
            if not escaped or escaped not in f"%_[]^-{escape}":
                raise _invalid(pattern)
            parts.append(re.escape(escaped))
            position += 2
        elif found := _TOKEN.match(pattern, position):
            text, position = found.group(), found.end()
            parts.append(_set(text, pattern, escape) if len(text) > 1 or text == "[" else _single(text))
    return parts


def _single(character: str) -> str:
    return _WILDCARDS.get(character) or re.escape(character)


def _set(text: str, pattern: str, escape: str | None) -> str:
    negation = "^" if text.startswith("[^") else ""
    body = text[1 + len(negation) : -1]
    if not body or "--" in body or (escape and escape in body):
        raise _invalid(pattern)
    return f"[{negation}{re.escape(body).replace(chr(92) + '-', '-')}]"


def _invalid(pattern: str) -> QueryError:
    return QueryError(f"The LIKE pattern '{pattern}' is not valid, or not supported by this engine.")
