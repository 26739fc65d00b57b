"""Cursors: a place in a list as an opaque string, good only for the list that it came from."""

import base64
import hashlib
import json

from shared.errors import InvalidCursor
from shared.models import Caller


def encode_cursor(position: str, caller: Caller, *list_of: str) -> str:
    """The cursor of a keyset position. list_of: what tells this list from others: its name, filters, sort."""
    signed = [position, _checksum(position, caller, list_of)]
    body = json.dumps(signed, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, caller: Caller, *list_of: str, param: str = "after") -> str:
    """The position of a cursor; InvalidCursor if it is damaged, or another caller's or list's."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position, _ = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        genuine = isinstance(position, str) and cursor == encode_cursor(position, caller, *list_of)
    except (ValueError, TypeError):
        genuine = False
    if not genuine:
        raise _invalid(param)
    return str(position)


def position_of(given: str | None, param: str, caller: Caller, *list_of: str) -> int | str | None:
    """A place in a list of messages: a cursor's seq, or a message's id as it is. param: where it is given."""
    if given is None or given.startswith("msg_"):
        return given
    position = decode_cursor(given, caller, *list_of, param=param)
    if not (position.isascii() and position.isdecimal()):
        raise _invalid(param)
    return int(position)


def _invalid(param: str) -> InvalidCursor:
    return InvalidCursor(f"{param} is not a cursor of this list; take next_cursor as it was.", param=param)


def _checksum(position: str, caller: Caller, list_of: tuple[str, ...]) -> str:
    bound = json.dumps([position, caller.tenant_id, caller.user_id, *list_of])
    return hashlib.sha256(bound.encode()).hexdigest()[:16]
