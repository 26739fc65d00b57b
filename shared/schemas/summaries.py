"""A conversation's summary."""

from typing import Literal, Self

from pydantic import BaseModel

from shared import models
from shared.http.resource import Resource
from shared.schemas.times import seconds


class Summary(BaseModel):
    """What was said up to `through_seq`, in `message_count` messages."""

    text: str
    highlights: list[str]
    through_seq: int
    message_count: int
    model: str
    updated_at: int

    @classmethod
    def of(cls, summary: models.Summary) -> Self:
        """As it is answered."""
        return cls.model_validate(
            summary.model_dump()
            | {"highlights": list(summary.highlights), "updated_at": seconds(summary.updated_at)}
        )


class ConversationSummary(Resource):
    """A conversation's summary, null where there is none yet. Its version is the conversation's."""

    object: Literal["conversation.summary"] = "conversation.summary"
    summary: Summary | None

    @classmethod
    def of(cls, stored: models.Conversation) -> Self:
        """As it is answered."""
        shown = cls(summary=Summary.of(stored.summary) if stored.summary else None)
        shown._etag = stored.etag
        return shown
