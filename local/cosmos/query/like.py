"""LIKE: `%` any text, `_` one character, `[a-c]` one of a set, `[^a-c]` one outside of it."""

import re
from functools import lru_cache

from local.cosmos.query.syntax import QueryError
from local.cosmos.values import UNDEFINED, Json

_TOKEN = re.compile(r"\[\^?[^\]]+\]|.", re.DOTALL)
_WILDCARDS = {"%": ".*", "_": "."}


def like(text: Json, pattern: Json, escape: Json) -> Json:
    """Whether the whole text fits the pattern; escape: what makes the next character an ordinary one."""
    if not (isinstance(text, str) and isinstance(pattern, str)):
        return UNDEFINED
    return _compiled(pattern, escape).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str, escape: str | None) -> re.Pattern[str]:
    parts, position = [], 0
    while position < len(pattern):
        if pattern[position] == escape and position + 1 < len(pattern):
            parts.append(re.escape(pattern[position + 1]))
            position += 2
        elif found := _TOKEN.match(pattern, position):
            parts.append(_translated(found.group()))
            position = found.end()
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        raise QueryError(f"The LIKE pattern '{pattern}' is not valid.") from None


def _translated(token: str) -> str:
    if len(token) == 1:
        return _WILDCARDS.get(token, re.escape(token))
    negated = token.startswith("[^")
    characters = re.escape(token[2 if negated else 1 : -1])
    ranged = re.sub(r"(?<=[^-])\\-(?=[^\\-])", "-", characters)  # any other dash is a dash
    return f"[{'^' if negated else ''}{ranged}]"
