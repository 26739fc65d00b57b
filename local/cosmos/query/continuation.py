"""Continuation tokens: where a page ended, for the same query over the same index only."""

import base64
import hashlib
import json
from dataclasses import dataclass

from local.cosmos.query.syntax import QueryError

Place = tuple[bytes, int]
"""The key and rid of an index entry; for a scan the key is empty."""


@dataclass(frozen=True, slots=True)
class Position:
    """after: the last place read. skipped: results passed over for OFFSET. given: results returned."""

    after: Place | None = None
    skipped: int = 0
    given: int = 0


def seal(position: Position, binding: str) -> str:
    """As an opaque string of printable ASCII."""
    key, rid = position.after or (b"", 0)
    state = [key.hex(), rid, position.skipped, position.given]
    return base64.urlsafe_b64encode(json.dumps([*state, _checksum(state, binding)]).encode()).decode()


def unseal(token: str, binding: str) -> Position:
    """Read a token back. Raises QueryError for another query's, or a damaged one."""
    try:
        *state, checksum = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if checksum == _checksum(state, binding):
            key, rid, skipped, given = state
            return Position((bytes.fromhex(key), rid), skipped, given)
    except (ValueError, TypeError):
        pass
    raise QueryError("The continuation token is damaged, or of another query.")


def _checksum(state: object, binding: str) -> str:
    return hashlib.sha256(json.dumps([state, binding]).encode()).hexdigest()[:16]
