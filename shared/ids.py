"""Ids: a prefix that says what it is, and a ULID, so they sort by when they were made."""

import re
from typing import Literal

from ulid import ULID

Prefix = Literal["conv", "msg", "resp", "op"]

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new_ulid(now: int) -> str:
    """A ULID of this moment (`now` in Unix milliseconds)."""
    return str(ULID.from_timestamp(now / 1000))


def new_id(prefix: Prefix, now: int) -> str:
    """An id such as `conv_01J…` of this moment (`now` in Unix milliseconds)."""
    return f"{prefix}_{new_ulid(now)}"


def is_id(prefix: Prefix, value: str) -> bool:
    """Whether `value` has the form of such an id, so that nothing else is ever sent to the database."""
    return value.startswith(f"{prefix}_") and _ULID.fullmatch(value, len(prefix) + 1) is not None


def same_ulid(prefix: Prefix, identifier: str) -> str:
    """The id with another prefix and the same ULID: the turn `resp_X` of the answer `msg_X`."""
    return f"{prefix}_{identifier.partition('_')[2]}"
