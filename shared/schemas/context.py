"""What the model is sent of a conversation, as it is shown."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared import models
from shared.context import Context
from shared.schemas.fields import digits


class ContextQuery(BaseModel):
    """How much of the conversation to show. max_tokens: at most what a turn sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(digits)] | None = None


class ContextEntry(BaseModel):
    """One message as the model is sent it. message_id: null for instructions and the summary."""

    role: models.Role
    content: str
    tokens: int
    message_id: str | None


class ConversationContext(BaseModel):
    """What the model is sent before the next question. Tokens are estimated.

    left_out: messages that are not sent: older than the budget reaches, on other branches, failed or empty.
    """

    object: Literal["conversation.context"] = "conversation.context"
    conversation_id: str
    data: list[ContextEntry]
    tokens: int
    budget: int
    left_out: int

    @classmethod
    def of(cls, conversation: models.Conversation, context: Context) -> Self:
        """As it is answered."""
        data = [
            ContextEntry(
                role=entry.prompt.role,
                content=entry.prompt.content,
                tokens=entry.tokens,
                message_id=entry.message_id,
            )
            for entry in context.entries
        ]
        sent = sum(entry.message_id is not None for entry in data)
        return cls(
            conversation_id=conversation.id,
            data=data,
            tokens=context.tokens,
            budget=context.budget,
            left_out=conversation.activity.message_count - sent,
        )
