"""Deleting conversations and messages."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from shared import models
from shared.schemas.fields import Flag
from shared.schemas.times import seconds_or_none


class DeletionQuery(BaseModel):
    """purge: for good, with everything in it, also what is deleted already."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purge: Flag = False


class ConversationDeleted(BaseModel):
    """A conversation is out of sight, and can be restored until it expires; null: it is gone for good."""

    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: Literal[True] = True
    expires_at: int | None

    @classmethod
    def of(cls, stored: models.Conversation) -> Self:
        """As it is answered."""
        return cls(id=stored.id, expires_at=seconds_or_none(stored.expires_at))

    @classmethod
    def gone(cls, identifier: str) -> Self:
        """Where it has been purged."""
        return cls(id=identifier, expires_at=None)


class MessageDeleted(BaseModel):
    """A message is out of sight, and can be restored until it expires."""

    id: str
    object: Literal["conversation.message.deleted"] = "conversation.message.deleted"
    deleted: Literal[True] = True
    expires_at: int | None

    @classmethod
    def of(cls, stored: models.Message) -> Self:
        """As it is answered."""
        return cls(id=stored.id, expires_at=seconds_or_none(stored.expires_at))
