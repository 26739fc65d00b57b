"""The values of literals."""

import json
import re

from local.cosmos.query.syntax import QueryError
from local.cosmos.values import plain

_AS_JSON = {"\\'": "'", '"': '\\"'}


def number_of(token: str) -> int | float:
    """A number literal's value, a double as all numbers are; QueryError beyond their range."""
    number = float(token)
    if number == float("inf"):
        raise QueryError(f"The number {token[:20]}… is too large.")
    return plain(number)


def text_of(token: str) -> str:
    """A string literal's text; both quotes take JSON's escapes, and an escaped apostrophe."""
    body = re.sub(r"\\?.", lambda found: _AS_JSON.get(found[0], found[0]), token[1:-1], flags=re.DOTALL)
    try:
        text: str = json.loads(f'"{body}"', strict=False)
        text.encode()  # half of a surrogate pair is no text
    except ValueError:
        raise QueryError(f"The string {token} has an escape that is not known.") from None
    return text
