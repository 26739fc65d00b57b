"""What an administrator of a tenant may ask for, and is answered."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from shared import models, records
from shared.filters import ConversationFilter
from shared.schemas.conversations import Conversation
from shared.schemas.fields import Body, Name, Product, Reason
from shared.schemas.lists import PageQuery
from shared.schemas.times import seconds


class TenantConversationsQuery(PageQuery):
    """Which conversations of a tenant's users."""

    user_email: Annotated[str, Field(min_length=1, max_length=320)] | None = None
    product: Product | None = None
    org_id: Name | None = None
    status: models.ConversationStatus | None = None

    def filters(self) -> ConversationFilter:
        """What the use case takes."""
        return ConversationFilter(**self.model_dump(exclude={"limit", "after"}))

    def list_of(self) -> tuple[str, ...]:
        """What tells this list from others, for its cursors."""
        asked = self.model_dump(exclude={"limit", "after"}, exclude_none=True)
        return ("tenant/conversations", *(f"{name}={value}" for name, value in asked.items()))


class TenantConversation(Conversation):
    """A conversation, and whose it is."""

    user_id: str

    @classmethod
    def of(cls, stored: models.Conversation) -> Self:
        """As it is answered."""
        return cls(**Conversation.of(stored).model_dump(), user_id=stored.user_id)


class AuditQuery(PageQuery):
    """Which month (UTC) of the audit log, such as 2026-11; by default this one."""

    month: Annotated[str, Field(pattern=r"^2\d{3}-(0[1-9]|1[0-2])$")] | None = None

    def list_of(self) -> tuple[str, ...]:
        """What tells this list from others, for its cursors."""
        return ("tenant/audit", self.month or "")


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
        told = stored.model_dump() | {"id": f"{stored.shard}-{stored.seq}", "at": seconds(stored.at)}
        return cls(**told)


class NewHold(Body):
    """Why a user's data must be kept; null: it needn't any more."""

    reason: Reason | None = None


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


class DeadLetter(BaseModel):
    """Background work that was given up. reason: a code; count: how often it failed."""

    id: str
    object: Literal["dead_letter"] = "dead_letter"
    user_id: str
    work: Literal["conversation", "message"]
    reason: str
    count: int
    updated_at: int

    @classmethod
    def of(cls, stored: records.DeadLetter) -> Self:
        """As it is answered."""
        same = stored.model_dump(include={"id", "user_id", "reason", "count"})
        return cls(**same, work=stored.work_type, updated_at=seconds(stored.updated_at))
