"""What makes a repeated request safe."""

from typing import Any, Literal

from shared.models.documents import Stored


class Receipt(Stored):
    """What a request with an Idempotency-Key came to, in the transaction of its effect; kept for 24 hours.

    fingerprint: of the request that the key names. try_id: of the try that has written it. status, body:
    the answer, the body compressed; None while the turn of answer_id in conversation_id runs, or the fork.
    """

    type: Literal["receipt"] = "receipt"
    fingerprint: str
    try_id: str
    status: int | None = None
    body: str | None = None
    conversation_id: str | None = None
    answer_id: str | None = None
    ttl: int = 24 * 60 * 60

    def document(self) -> dict[str, Any]:
        """With the key by which the purge of its conversation finds it."""
        return super().document() | ({"receiptKey": self.conversation_id} if self.conversation_id else {})
