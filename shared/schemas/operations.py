"""Work that goes on after its request was answered."""

from typing import Literal, Self

from pydantic import BaseModel

from shared import records
from shared.http.resource import Accepted
from shared.schemas.times import seconds, seconds_or_none


class ErasureReceipt(BaseModel):
    """What an erasure has removed, in numbers. hash: over the ids of what was removed, in their order."""

    hash: str
    counts: dict[str, int]
    at: int


class Operation(BaseModel):
    """Work that goes on after its request was answered. progress: documents done so far; counts: by type.

    blocked: why it can't go on for now, such as a legal hold.
    """

    id: str
    object: Literal["operation"] = "operation"
    kind: records.OperationKind
    state: records.OperationState
    progress: int
    conversation_id: str | None
    counts: dict[str, int]
    blocked: str | None
    receipt: ErasureReceipt | None
    created_at: int
    updated_at: int
    finished_at: int | None

    @classmethod
    def of(cls, stored: records.Operation) -> Self:
        """As it is answered."""
        return cls(
            id=stored.id,
            kind=stored.kind,
            state=stored.state,
            progress=sum(stored.counts.values()),
            conversation_id=stored.conversation_id,
            counts=stored.counts,
            blocked=stored.blocked,
            receipt=_receipt(stored),
            created_at=seconds(stored.created_at),
            updated_at=seconds(stored.updated_at),
            finished_at=seconds_or_none(stored.finished_at),
        )


def _receipt(stored: records.Operation) -> ErasureReceipt | None:
    if stored.receipt is None or stored.finished_at is None:
        return None
    return ErasureReceipt(hash=stored.receipt, counts=stored.counts, at=seconds(stored.finished_at))


class OperationStarted(Operation, Accepted):
    """The work goes on; `GET operations/{id}` says how far it has come."""

    @classmethod
    def of(cls, stored: records.Operation) -> Self:
        """As it is answered."""
        started = super().of(stored)
        started._replayed = stored.replayed
        return started
