"""What an administrator of a tenant is answered."""

from typing import Literal, Self

from pydantic import BaseModel

from shared import models, records
from shared.schemas.answers import Conversation


class TenantConversation(Conversation):
    """A conversation, and whose it is."""

    user_id: str

    @classmethod
    def of(cls, stored: models.Conversation) -> Self:
        """As it is answered."""
        return cls(**Conversation.of(stored).model_dump(), user_id=stored.user_id)


class AuditEntry(BaseModel):
    """One act of a service or an administrator. hash: over all of it and the entry before it in its shard."""

    id: str
    object: Literal["audit.entry"] = "audit.entry"
    shard: int
    seq: int
    at: int
    actor: str
    on: str
    act: str
    about: str
    request_id: str
    previous: str
    hash: str

    @classmethod
    def of(cls, stored: records.AuditEntry) -> Self:
        """As it is answered."""
        told = stored.model_dump() | {"id": f"{stored.shard}-{stored.seq}", "at": stored.at // 1000}
        return cls(**told)


class HeldUser(BaseModel):
    """Whether a user's data is held, and why."""

    id: str
    object: Literal["hold"] = "hold"
    held: bool
    reason: str | None

    @classmethod
    def of(cls, user_id: str, hold: records.Hold | None) -> Self:
        """As it is answered."""
        return cls(id=user_id, held=hold is not None, reason=hold.reason if hold else None)
