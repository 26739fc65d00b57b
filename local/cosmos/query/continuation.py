"""Continuation tokens: where a page ended, for the same query over the same index only."""

import base64
import hashlib
import json
from dataclasses import dataclass

from local.cosmos.query.syntax import QueryError

Place = tuple[bytes, int]
"""The key and rid of an index entry; for a scan the key is empty. For groups the key of one, and 0."""


@dataclass(frozen=True, slots=True)
class Position:
    """after: the last place read. within: rows read of it, where JOIN makes many of it; 0 for all of them.

    skipped: results passed over for OFFSET. given: results returned.
    """

    after: Place | None = None
    within: int = 0
    skipped: int = 0
    given: int = 0


def seal(position: Position, binding: str) -> str:
    """As an opaque string of printable ASCII."""
    key, rid = position.after or (b"", 0)
    state = json.dumps([key.hex(), rid, position.within, position.skipped, position.given])
    text = base64.urlsafe_b64encode(state.encode()).decode()
    return f"{_checksum(text, binding)}.{text}"


def unseal(token: str, binding: str) -> Position:
    """Read a token back. Raises QueryError for another query's, or a damaged one, before it is decoded."""
    checksum, _, text = token.partition(".")
    if checksum != _checksum(text, binding):
        raise QueryError("The continuation token is damaged, or of another query.")
    key, rid, within, skipped, given = json.loads(base64.urlsafe_b64decode(text))
    return Position((bytes.fromhex(key), rid), within, skipped, given)


def _checksum(text: str, binding: str) -> str:
    return hashlib.sha256(json.dumps([text, binding]).encode()).hexdigest()[:16]
