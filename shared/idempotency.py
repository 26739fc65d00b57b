"""Idempotency keys: one key names one request of a user, which has its effect and its answer once.

The receipt is written in the transaction of the request's first write, so there is one exactly if there is an
effect. Outcomes after that are kept, errors included; a request that failed before may be tried again.
"""

import base64
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.errors import IdempotencyKeyReused
from shared.ids import new_ulid
from shared.models import Caller, Receipt

# What a request comes to (a domain object, or the error): its status and JSON.
Show = Callable[[Any], tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Once:
    """One try at a request with an Idempotency-Key. show: how its outcome is answered."""

    receipt_id: str
    fingerprint: str
    try_id: str
    show: Show

    @classmethod
    def of(cls, key: str, request: str, now: int, show: Show) -> "Once":
        """The try of a request: its key, and its method, path and body as one text."""
        return cls(f"rcpt_{_digest(key)}", _digest(request), new_ulid(now), show)

    def opened(self, caller: Caller, now: int, **running: str | None) -> Receipt:
        """The receipt of a request that goes on after its first write. running: its turn."""
        return Receipt(
            id=self.receipt_id,
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            created_at=now,
            fingerprint=self.fingerprint,
            try_id=self.try_id,
            **running,
        )

    def completed(self, receipt: Receipt, outcome: object) -> Receipt:
        """The receipt with what the request has come to."""
        status, body = self.show(outcome)
        return receipt.changed(status=status, body=_compressed(body))

    def check(self, receipt: Receipt) -> None:
        """Refuse a key that names another request."""
        if receipt.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another request; take a new key for each request.",
                param="Idempotency-Key",
            )


def finished_at_once(
    once: Once | None, caller: Caller, now: int, outcome: object, conversation_id: str | None = None
) -> Receipt | None:
    """The receipt of a request whose first write is its last, on this conversation if on one."""
    opened = once.opened(caller, now, conversation_id=conversation_id) if once else None
    return once.completed(opened, outcome) if once and opened else None


def stored_body(receipt: Receipt) -> str:
    """The JSON that a completed receipt holds."""
    return zlib.decompress(base64.b64decode(receipt.body or "")).decode()


def _compressed(body: str) -> str:
    return base64.b64encode(zlib.compress(body.encode())).decode()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
